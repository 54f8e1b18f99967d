/** Small texts on disk, each whole and synced before it counts as kept. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Undefined: there is none that can be read. */
export function keptText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Written beside its place and moved there: whoever reads it never finds a half. */
export function keepText(path: string, text: string): void {
  const beside = `${path}.new`;
  writeFileSync(beside, text, { flush: true });
  renameSync(beside, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder); // that it is there, and not the one before
  } finally {
    closeSync(folder);
  }
}
