/**
 * What SQLite and the file system say of a disk that fails, in the journal's words; and a
 * disk tried before it is trusted.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { DiskFailure, type Trouble } from "../journal-disk.ts";

/** Room for a few commits: without it the next one would fail again. */
const ROOM = 256 * 1024;

/** Throws when a file of some size cannot be written there and synced. */
export function tryDisk(path: string): void {
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.alloc(ROOM));
    fsyncSync(file);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

/** The first byte of SQLite's result codes. */
const ofSqlite: Readonly<Record<number, Trouble>> = {
  8: "not_writable", // READONLY
  10: "io_error", // IOERR
  13: "disk_full", // FULL
  14: "not_writable", // CANTOPEN
};

const ofSystem: Readonly<Record<string, Trouble>> = {
  EACCES: "not_writable",
  EDQUOT: "disk_full",
  EIO: "io_error",
  ENOSPC: "disk_full",
  EPERM: "not_writable",
  EROFS: "not_writable",
};

/** What is wrong with the disk; undefined when it is something else. */
export function troubleOf(error: unknown): Trouble | undefined {
  if (error instanceof DiskFailure) return error.trouble;
  if (!(error instanceof Error)) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") return ofSqlite[error.errcode & 0xff];
  return "code" in error ? ofSystem[String(error.code)] : undefined;
}
