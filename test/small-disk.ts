/** A disk that runs full: a small file system of the test's own. Only root may mount one. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const size = 6 * 2 ** 20;

const mount = (path: string): boolean =>
  spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status === 0;

export class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), "small-disk-"));

  /** Undefined where the machine does not allow it. */
  static mount(): SmallDisk | undefined {
    const disk = new SmallDisk();
    if (mount(disk.path)) return disk;
    disk.remove();
    return undefined;
  }

  private constructor() {}

  /** Takes what room there is left. */
  fill(): void {
    const file = openSync(join(this.path, "ballast"), "a");
    try {
      for (;;) writeSync(file, Buffer.alloc(2 ** 16, 1));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(join(this.path, "ballast"));
  }

  remove(): void {
    spawnSync("umount", [this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Tried once, so that a machine that does not allow it says so. */
export function mayMount(): boolean {
  const disk = SmallDisk.mount();
  disk?.remove();
  return disk !== undefined;
}
