/** `npm run keys` as people run it. */
import { execFile } from "node:child_process";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { idOf, isKeyOf, readKeys } from "../../src/transport/api-keys.ts";
import { type Folder, folder } from "../transport/credentials.ts";

const script = new URL("../../scripts/keys.ts", import.meta.url).pathname;
const run = promisify(execFile);

let files: Folder;
let path: string;

interface Ran {
  readonly out: string;
  readonly error: string;
}

async function keys(...args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, API_KEYS_FILE: path };
  try {
    const { stdout, stderr } = await run(process.execPath, [script, ...args], { env, cwd: files.path });
    return { out: stdout, error: stderr };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    expect(code).toBe(1);
    return { out: stdout, error: stderr };
  }
}

async function created(...args: readonly string[]): Promise<string> {
  const { out, error } = await keys("create", ...args);
  const key = out.split("\n").find((line) => line.startsWith("mt5b_"));
  if (key === undefined) throw new Error(error);
  return key;
}

beforeEach(() => {
  files = folder();
  path = files.file("keys.json");
});

afterEach(() => files.remove());

describe("a key that is created", () => {
  it("is shown once, and kept as a hash that only its owner can read", async () => {
    const key = await created("--name", "alpha", "--scopes", "read,trade");
    const [record] = readKeys(path);
    if (record === undefined) throw new Error("not kept");
    expect(key).toMatch(/^mt5b_[0-9a-f]{8}_[\w-]{43}$/);
    expect(record).toMatchObject({ id: idOf(key), name: "alpha", scopes: { read: {}, trade: {} } });
    expect(isKeyOf(key, record)).toBe(true);
    expect(readFileSync(path, "utf8")).not.toContain(key.slice(14));
    expect((await keys("list")).out).not.toContain(key.slice(14));
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  });

  it("may be a terminal's, of which only the accounts are limited", async () => {
    await created("--name", "desk", "--scopes", "read,terminal", "--accounts", "main", "--symbols", "EURUSD");
    expect(readKeys(path)[0]?.scopes).toEqual({
      read: { accounts: ["main"], symbols: ["EURUSD"] },
      terminal: { accounts: ["main"] },
    });
    const refused = await keys("create", "--name", "desk", "--scopes", "terminal", "--symbols", "terminal:EURUSD");
    expect(refused.error).toContain("--symbols: does not limit the scope terminal");
  });

  it("is like no other, and leaves the others as they are", async () => {
    const first = await created("--name", "alpha", "--scopes", "read");
    chmodSync(path, 0o644);
    const second = await created("--name", "alpha", "--scopes", "read");
    expect(second).not.toBe(first);
    expect(readKeys(path).map(({ id }) => id)).toEqual([idOf(first), idOf(second)]);
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  });

  it("has its limits in every scope, or in the one that is named", async () => {
    const limits = [
      "--accounts",
      "demo,real",
      "--symbols",
      "trade:EURUSD",
      "--max-volume",
      "1",
      "--max-volume",
      "trade:0.5",
    ];
    await created("--name", "alpha", "--scopes", "read,trade", ...limits);
    expect(readKeys(path)[0]?.scopes).toEqual({
      read: { accounts: ["demo", "real"], maxVolume: 1 },
      trade: { accounts: ["demo", "real"], symbols: ["EURUSD"], maxVolume: 0.5 },
    });
    const { out } = await keys("list");
    expect(out).toContain(
      "alpha  read (accounts demo,real; at most 1 lots), trade (accounts demo,real; symbols EURUSD;",
    );
  });

  it.each([
    [[], "--name:"],
    [["--name", "a b", "--scopes", "read"], "--name:"],
    [["--name", "a"], "--scopes:"],
    [["--name", "a", "--scopes", "read,write"], "got write"],
    [["--name", "a", "--scopes", "read", "--symbols", "EURUSD,"], "--symbols:"],
    [["--name", "a", "--scopes", "read", "--symbols", "trade:EURUSD"], "does not have"],
    [["--name", "a", "--scopes", "read", "--max-volume", "0"], "--max-volume:"],
    [["--name", "a", "--scopes", "read", "--max-volume", "much"], "--max-volume:"],
    [["--name", "a", "--scopes", "read", "--symbol", "EURUSD"], "Unknown option '--symbol'"],
  ])("is refused with %j", async (args, message) => {
    const { out, error } = await keys("create", ...args);
    expect([out, error]).toEqual(["", expect.stringContaining(message)]);
    expect(existsSync(path)).toBe(false);
  });
});

describe("a key that is revoked", () => {
  it("is gone, and the others stay", async () => {
    const [first, second] = [
      await created("--name", "a", "--scopes", "read"),
      await created("--name", "b", "--scopes", "read"),
    ];
    expect((await keys("revoke", String(idOf(first)))).out).toBe(`${idOf(first)} is revoked.\n`);
    expect(readKeys(path).map(({ id }) => id)).toEqual([idOf(second)]);
    expect((await keys("revoke", String(idOf(first)))).error).toContain("there is no");
    expect((await keys("revoke")).error).toContain("the id of a key");
  });
});

describe("the command", () => {
  it("says how it is used", async () => {
    expect((await keys("--help")).out).toContain("Usage: npm run keys -- create");
    expect((await keys()).error).toContain("Usage:");
    expect((await keys("list", "all")).error).toContain("Usage:");
    expect((await keys("list")).out).toBe("There are no keys.\n");
  });

  it("does not write over a file that it cannot understand", async () => {
    files.write("keys.json", "not mine");
    expect((await keys("create", "--name", "a", "--scopes", "read")).error).toContain("is not valid JSON");
    expect(readFileSync(path, "utf8")).toBe("not mine");
  });
});
