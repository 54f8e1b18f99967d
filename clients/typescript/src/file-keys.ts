/**
 * Keys in a file, for Node.
 *
 * Always true: the file is whole. It is written beside, synced and renamed, so that a crash leaves the old one or the
 * new one. What comes while a write is under way is written together with the next.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { KeptRequest, KeyStore } from "./keys.ts";

/** One file for one process; two would overwrite each other's keys. */
export function fileKeys(path: string): KeyStore {
  let loaded: Promise<Map<string, KeptRequest>> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function load(): Promise<Map<string, KeptRequest>> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "[]";
      throw error;
    });
    return new Map((JSON.parse(text) as KeptRequest[]).map((kept) => [kept.clientOrderId, kept]));
  }

  function all(): Promise<Map<string, KeptRequest>> {
    loaded ??= load();
    return loaded;
  }

  function write(): Promise<void> {
    next ??= writing
      .catch(() => undefined) // told to whom it concerned
      .then(() => {
        next = undefined;
        writing = save(path, all());
        return writing;
      });
    return next;
  }

  return {
    async keep(request) {
      (await all()).set(request.clientOrderId, request);
      await write();
    },
    async forget(id) {
      if ((await all()).delete(id)) await write();
    },
    all: async () => [...(await all()).values()],
  };
}

async function save(path: string, kept: Promise<Map<string, KeptRequest>>): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify([...(await kept).values()]));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const directory = await open(folder, "r").catch(() => undefined); // not everywhere can a folder be opened
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}
