import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fileKeys } from "../../../clients/typescript/src/file-keys.ts";
import { type KeyStore, memoryKeys, storageKeys, type TextStorage } from "../../../clients/typescript/src/keys.ts";

const folder = mkdtempSync(join(tmpdir(), "keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kept = (clientOrderId: string) => ({ clientOrderId, rpc: "placeOrder", request: { clientOrderId } });
const idsOf = async (keys: KeyStore) => (await keys.all()).map(({ clientOrderId }) => clientOrderId).toSorted();

/** As browsers have it. */
function textStorage(): TextStorage {
  const items = new Map<string, string>([["another page's", "not ours"]]);
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
  };
}

describe.each([
  ["in memory", () => memoryKeys()],
  ["in a file", () => fileKeys(join(mkdtempSync(join(folder, "one-")), "deep", "keys.json"))],
  ["in a browser", () => storageKeys(textStorage())],
])("keys %s", (_, make) => {
  it("are kept until they are forgotten", async () => {
    const keys = make();
    expect(await keys.all()).toEqual([]);
    await Promise.all([keys.keep(kept("a")), keys.keep(kept("b")), keys.keep(kept("a:b.c_d-e"))]);
    await keys.forget("a");
    await keys.forget("never kept");
    expect(await idsOf(keys)).toEqual(["a:b.c_d-e", "b"]);
    expect(await keys.all()).toContainEqual(kept("b"));
  });
});

describe("a file of keys", () => {
  it("has each key by the time `keep` resolves", async () => {
    const path = join(folder, "synced.json");
    const keys = fileKeys(path);
    const names = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await Promise.all(
      names.map(async (name) => {
        await keys.keep(kept(name));
        expect(readFileSync(path, "utf8")).toContain(`"${name}"`);
      }),
    );
    expect(await idsOf(fileKeys(path))).toEqual(names.toSorted());
  });

  it("is read whole after a crash in the middle of a write", async () => {
    const path = join(folder, "crashed.json");
    await fileKeys(path).keep(kept("a"));
    writeFileSync(`${path}.new`, '[{"clientOrd');
    const keys = fileKeys(path);
    expect(await idsOf(keys)).toEqual(["a"]);
    await keys.keep(kept("b"));
    expect(await idsOf(fileKeys(path))).toEqual(["a", "b"]);
  });

  it("that is damaged is an error, and no empty one", async () => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, "[{");
    await expect(fileKeys(path).all()).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe("[{");
  });
});
