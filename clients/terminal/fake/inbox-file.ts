/** The inbox's lines in a file; many appends share one sync. */
import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, renameSync, truncateSync, writeSync } from "node:fs";
import type { InboxDisk } from "./inbox.ts";

export class InboxFile implements InboxDisk {
  readonly #path: string;
  #file: number;
  #syncing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "a");
    const text = readFileSync(path);
    const whole = text.lastIndexOf(10) + 1;
    if (whole < text.length) truncateSync(path, whole); // a line that was being written when the power went
  }

  lines(): readonly string[] {
    return readFileSync(this.#path, "utf8").split("\n").slice(0, -1);
  }

  append(line: string): Promise<void> {
    writeSync(this.#file, `${line}\n`);
    this.#next ??= (this.#syncing ?? Promise.resolve()).then(() => this.#sync());
    return this.#next;
  }

  replace(lines: readonly string[]): void {
    const fresh = `${this.#path}.new`;
    const file = openSync(fresh, "w");
    writeSync(file, lines.map((line) => `${line}\n`).join(""));
    fsyncSync(file);
    closeSync(file);
    renameSync(fresh, this.#path);
    this.#file = openSync(this.#path, "a"); // the old one stays open for a sync that is under way
  }

  #sync(): Promise<void> {
    this.#syncing = this.#next;
    this.#next = undefined;
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => (error === null ? resolve() : reject(error)));
    });
  }
}
