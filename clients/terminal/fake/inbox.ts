/**
 * Which commands have come, on disk, so that none is carried out twice.
 *
 * Always true:
 *   - A command is carried out only after its line is durable. Found again after a death without
 *     what became of it, it was interrupted: it may have been carried out or not.
 *   - The lives of the bridge only grow, and a command's number within one. So an id that was
 *     forgotten because it is old cannot come again under a number that would be taken.
 */

/** Lines that outlast the process, in the order in which they were added. */
export interface InboxDisk {
  lines(): readonly string[];
  /** Written when it returns, durable when it resolves. */
  append(line: string): Promise<void>;
  /** These lines and no others, or those before: nothing between. */
  replace(lines: readonly string[]): void;
}

/** What is known of a command that has come. */
export interface Entry {
  readonly id: string;
  /** Its result, encoded; absent while it is under way, or was interrupted. */
  result?: Uint8Array;
  /** The bridge has its result. */
  told: boolean;
  /** Its end was not seen: the process died before. */
  interrupted: boolean;
}

/** How many commands are remembered at least, and how many lines make it worth forgetting the others. */
const room = { commands: 1000, lines: 20_000 } as const;

export class Inbox {
  /** The highest life of the bridge that was served; 0 when none was. */
  bridgeEpoch = 0n;
  /** The last command of that life that was taken. */
  lastSeen = 0;
  readonly #disk: InboxDisk;
  readonly #entries = new Map<string, Entry>();
  #lines: number;

  constructor(disk: InboxDisk) {
    this.#disk = disk;
    const lines = disk.lines();
    for (const [index, line] of lines.entries()) {
      if (!this.#read(line)) throw new Error(`the inbox is damaged at line ${index + 1}: ${line.slice(0, 80)}`);
    }
    for (const entry of this.#entries.values()) entry.interrupted = entry.result === undefined;
    this.#lines = lines.length;
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** What the bridge may not have been told, oldest first. */
  untold(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ told }) => !told);
  }

  /** A bridge of this life is served from now on. */
  serve(epoch: bigint): void {
    if (epoch === this.bridgeEpoch) return;
    this.bridgeEpoch = epoch;
    this.lastSeen = 0;
    this.#append(`epoch ${epoch}`).catch(() => undefined); // whatever rests on it comes behind it, and fails too
  }

  /** Resolves once it is certain that the command will be found here. */
  take(sequence: number, id: string): Promise<void> {
    this.lastSeen = sequence;
    if (!this.#entries.has(id)) this.#entries.set(id, { id, told: false, interrupted: false });
    return this.#append(`took ${sequence} ${id}`);
  }

  did(id: string, result: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.result = result;
    entry.interrupted = false;
    this.#append(`did ${id} ${Buffer.from(result).toString("base64")}`).catch(() => undefined); // as if interrupted
  }

  told(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.told) return;
    entry.told = true;
    this.#append(`told ${id}`).catch(() => undefined); // it is told once more
  }

  #append(line: string): Promise<void> {
    const durable = this.#disk.append(`${line}`);
    this.#lines++;
    if (this.#lines > room.lines) this.#forget();
    return durable;
  }

  #read(line: string): boolean {
    const [word, first = "", second = ""] = line.split(" ");
    switch (word) {
      case "epoch":
        this.bridgeEpoch = BigInt(first);
        this.lastSeen = 0;
        return true;
      case "took":
        this.lastSeen = Number(first);
        if (!this.#entries.has(second)) this.#entries.set(second, { id: second, told: false, interrupted: false });
        return second !== "";
      case "did": {
        const entry = this.#entries.get(first);
        if (entry !== undefined) entry.result = Buffer.from(second, "base64");
        return true;
      }
      case "told": {
        const entry = this.#entries.get(first);
        if (entry !== undefined) entry.told = true;
        return true;
      }
      default:
        return false;
    }
  }

  /** What was told and is old goes. */
  #forget(): void {
    let spare = this.#entries.size - room.commands;
    for (const { id, told } of this.#entries.values()) {
      if (spare <= 0) break;
      if (!told) continue;
      this.#entries.delete(id);
      spare--;
    }
    const lines = [`epoch ${this.bridgeEpoch}`];
    for (const { id, result, told } of this.#entries.values()) {
      lines.push(`took ${this.lastSeen} ${id}`);
      if (result !== undefined) lines.push(`did ${id} ${Buffer.from(result).toString("base64")}`);
      if (told) lines.push(`told ${id}`);
    }
    this.#disk.replace(lines);
    this.#lines = lines.length;
  }
}
