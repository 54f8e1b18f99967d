/**
 * A PostgreSQL of the test's own: real, in a temporary folder, on a socket in it.
 *
 * PostgreSQL refuses to run as root; then it runs as `nobody`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "../../tools.ts";

/** The newest that Debian has installed, else what is on the path. */
export function postgresPrograms(): { readonly initdb: string; readonly postgres: string } | undefined {
  const folders = globSync("/usr/lib/postgresql/*/bin").sort(
    (a, b) => Number(b.split("/")[4]) - Number(a.split("/")[4]),
  );
  const find = (name: string) => folders.map((folder) => join(folder, name)).find(existsSync) ?? tool(name);
  const initdb = find("initdb");
  const postgres = find("postgres");
  return initdb === undefined || postgres === undefined ? undefined : { initdb, postgres };
}

const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

export class Cluster {
  readonly #programs: { readonly initdb: string; readonly postgres: string };
  readonly #folder: string;
  #server: ChildProcess | undefined;

  static async start(): Promise<Cluster> {
    const programs = postgresPrograms();
    if (programs === undefined) throw new Error("PostgreSQL is not here: `npm test` installs Debian's");
    const cluster = new Cluster(programs, mkdtempSync(join(tmpdir(), "postgres-")));
    cluster.#create();
    await cluster.resume();
    return cluster;
  }

  private constructor(programs: { readonly initdb: string; readonly postgres: string }, folder: string) {
    this.#programs = programs;
    this.#folder = folder;
  }

  get url(): string {
    return `postgresql:///postgres?user=trader&host=${this.#folder}`;
  }

  /** Begins to serve, with whatever was kept. */
  async resume(...options: readonly string[]): Promise<void> {
    const settings = [
      ...["listen_addresses=", `unix_socket_directories=${this.#folder}`, "synchronous_commit=off", "fsync=on"],
      ...["shared_buffers=16MB", "max_connections=20", ...options],
    ];
    const args = ["-D", join(this.#folder, "data"), ...settings.flatMap((setting) => ["-c", setting])];
    const server = spawn(this.#programs.postgres, args, { ...nobody, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    this.#server = server;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      server.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("ready to accept connections")) resolve();
      });
      server.once("exit", (code) => reject(new Error(`PostgreSQL ended with ${code}\n${said}`)));
    });
  }

  /** SIGINT: all sessions are ended; SIGQUIT: as in a crash. */
  async pause(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    const exit = once(server, "exit");
    server.kill(signal);
    await exit;
  }

  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #create(): void {
    if (nobody.uid !== undefined) chownSync(this.#folder, nobody.uid, nobody.gid);
    const args = ["-D", join(this.#folder, "data"), "-U", "trader", "-E", "UTF8", "--locale=C", "-A", "trust"];
    const { status, stderr } = spawnSync(this.#programs.initdb, args, { ...nobody, cwd: "/", encoding: "utf8" });
    if (status !== 0) throw new Error(`initdb: ${stderr}`);
  }
}
