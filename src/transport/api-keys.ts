/**
 * API keys, as they are made and as they are kept.
 *
 * Only a hash of a key is kept: whoever reads the file cannot call with what is in it. SHA-256 is enough. A key is 256
 * bits of chance, so there is no dictionary to try, and a slow hash made for passwords would only make every call
 * slow.
 *
 * The file is JSON that people can read. It is written beside its place and moved there, so that nobody ever reads
 * half of it.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { Grants } from "../contract/principal.ts";

/** How every key begins, so that tools that search for secrets find it. */
export const keyStart = "mt5b_";

const names = z.array(z.string().min(1).max(64)).min(1).max(1_000);

export const limitsSchema = z.strictObject({
  accounts: names.optional(),
  symbols: names.optional(),
  maxVolume: z.number().positive().optional(),
});

const grants = z
  .strictObject({
    read: limitsSchema.optional(),
    trade: limitsSchema.optional(),
    admin: limitsSchema.optional(),
    terminal: limitsSchema.pick({ accounts: true }).optional(),
  })
  .refine((scopes) => Object.keys(scopes).length > 0, "must have at least one scope");

const record = z.strictObject({
  /** Public: it names the key in logs and lists, and is a part of it. */
  id: z.string().regex(/^[0-9a-f]{8}$/),
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.iso.datetime(),
  scopes: grants,
});

const file = z
  .strictObject({ version: z.literal(1), keys: z.array(record).max(10_000) })
  .refine(({ keys }) => new Set(keys.map(({ id }) => id)).size === keys.length, "two keys have the same id");

export type KeyRecord = z.infer<typeof record>;

/** A new key, which nobody will ever be able to read again, and what is kept of it. */
export function makeKey(name: string, scopes: Grants, now: Date): { readonly key: string; readonly record: KeyRecord } {
  const id = randomBytes(4).toString("hex");
  const key = `${keyStart}${id}_${randomBytes(32).toString("base64url")}`;
  const created = `${now.toISOString().slice(0, 19)}Z`;
  return { key, record: record.parse({ id, name, sha256: hashOf(key).toString("hex"), created, scopes }) };
}

/** The public part of what might be a key. */
export function idOf(key: string): string | undefined {
  return /^mt5b_([0-9a-f]{8})_[\w-]{43}$/.exec(key)?.[1];
}

export function isKeyOf(key: string, { sha256 }: KeyRecord): boolean {
  return timingSafeEqual(hashOf(key), Buffer.from(sha256, "hex"));
}

const hashOf = (key: string): Buffer => createHash("sha256").update(key).digest();

/** Throws a sentence that says what is wrong with the file, and nothing of what is in it. */
export function readKeys(path: string): KeyRecord[] {
  const text = readFileSync(path, "utf8");
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not valid JSON`);
  }
  const parsed = file.safeParse(content);
  if (parsed.success) return parsed.data.keys;
  const [issue] = parsed.error.issues;
  throw new Error(`${path} is no file of API keys: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** Replaces the file; only its owner may read it. */
export function writeKeys(path: string, keys: readonly KeyRecord[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    writeFileSync(beside, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`, {
      mode: 0o600,
      flag: "wx",
      flush: true,
    });
    chmodSync(beside, 0o600); // whatever the umask
    renameSync(beside, path);
  } finally {
    rmSync(beside, { force: true });
  }
}
