/** A terminal's side as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";

/** What is kept of what it says. */
const mostOutput = 20_000;

export class Program {
  readonly #command: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  output = "";

  constructor(command: string, env: NodeJS.ProcessEnv) {
    this.#command = command;
    this.#env = env;
  }

  start(): void {
    // A group of its own: a shell in between must not outlive what it was started for, nor the other way round.
    const child = spawn(this.#command, {
      shell: true,
      detached: true,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-mostOutput);
      });
    }
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.running) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // it has just ended by itself
    }
    await this.#exited;
  }
}
