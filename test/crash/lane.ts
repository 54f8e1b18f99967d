/**
 * One bridge that is killed again and again, and the client that keeps coming back to it.
 *
 * strace makes the cut: at the n-th system call that writes or syncs the journal the
 * process dies by SIGKILL, before the call. Nothing in the bridge knows of it.
 */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { dataFolder, type RunningBridge, startBridge } from "../e2e/bridge.ts";
import { BridgeClient } from "../e2e/client.ts";
import { violations } from "./oracle.ts";
import { type Fact, type Step, session } from "./script.ts";

const built = new URL("../../dist/src/main.js", import.meta.url).pathname;
type Command = readonly [string, ...string[]];

const plain: Command = [process.execPath, built];
/** A call may fail a moment before its server's end is known. */
const dying = 5_000;
const knife = "pwrite64,fsync,fdatasync";

export class Lane {
  readonly #strace: string;
  readonly #folder: Awaited<ReturnType<typeof dataFolder>>;
  /** What the last life was asked, and what it has acknowledged. */
  #steps: readonly Step[] = [];
  readonly #facts = new Map<string, Fact>();

  private constructor(strace: string, folder: Awaited<ReturnType<typeof dataFolder>>) {
    this.#strace = strace;
    this.#folder = folder;
  }

  static async open(strace: string): Promise<Lane> {
    return new Lane(strace, await dataFolder());
  }

  /** Starts on what the last life has left, looks it over, goes on with it, then begins anew. False: it died by the knife. */
  async live(n: number): Promise<boolean> {
    return this.#run(this.#cut(n), async (client) => {
      await this.#look(client);
      for (const step of this.#steps) await this.#take(client, step);
      this.#steps = session(`n${n}`);
      this.#facts.clear();
      for (const step of this.#steps) await this.#take(client, step);
      await this.#look(client);
    });
  }

  /** Looks over what the last life has left, without a knife. */
  async end(): Promise<void> {
    await this.#run(plain, (client) => this.#look(client));
    await this.#folder.remove();
  }

  async #run(command: Command, trade: (client: BridgeClient) => Promise<void>): Promise<boolean> {
    let bridge: RunningBridge;
    try {
      const env = { DATA_DIR: this.#folder.path, PAPER_LATENCY: "0" };
      bridge = await startBridge(env, { command });
    } catch (error) {
      if (String(error).includes("ended with SIGKILL")) return false;
      throw error;
    }
    const client = new BridgeClient(bridge.grpcPort);
    try {
      await trade(client);
      return true;
    } catch (error) {
      const how = await Promise.race([bridge.exit, setTimeout(dying, "alive")]);
      if (how === "SIGKILL") return false;
      throw error;
    } finally {
      client.close();
      await bridge.stop("SIGKILL");
    }
  }

  async #take(client: BridgeClient, step: Step): Promise<void> {
    this.#facts.set(step.key, await step.run(client));
  }

  async #look(client: BridgeClient): Promise<void> {
    const found = await violations(client, this.#steps, this.#facts);
    if (found.length > 0) throw new Violated(found);
  }

  #cut(n: number): Command {
    const journal = join(this.#folder.path, "generated-usd-hedging", "journal.db");
    const watched = [journal, `${journal}-wal`].flatMap((file) => ["-P", file]);
    const inject = ["-e", `trace=${knife}`, "-e", `inject=${knife}:signal=SIGKILL:when=${n}`];
    return [this.#strace, "-D", "-f", "-qqq", "-o", "/dev/null", ...inject, ...watched, ...plain];
  }
}

/** A promise was broken. */
export class Violated extends Error {
  constructor(found: readonly string[]) {
    super(found.join("\n"));
    this.name = "Violated";
  }
}
