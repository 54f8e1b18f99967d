/** A bridge with keys and tokens of the test's own making, and a folder for them. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import type { Grants } from "../../src/contract/principal.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import { type KeyRecord, makeKey, writeKeys } from "../../src/transport/api-keys.ts";
import { ScriptedClock } from "../terminals/paper/scripted.ts";

export const now = Date.UTC(2026, 0, 5, 12) as Instant;
export const everything: Grants = { read: {}, trade: {}, admin: {}, terminal: {} };

export interface Folder {
  readonly path: string;
  file(name: string): string;
  write(name: string, content: string): string;
  remove(): void;
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "mt5-bridge-access-"));
  const file = (name: string) => join(path, name);
  return {
    path,
    file,
    write(name, content) {
      writeFileSync(file(name), content);
      return file(name);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Puts keys of these grants into the file, and returns them. */
export function keysWith(
  path: string,
  ...grants: readonly Grants[]
): { readonly key: string; readonly record: KeyRecord }[] {
  const made = grants.map((scopes, index) => makeKey(`key-${index}`, scopes, new Date(now)));
  writeKeys(
    path,
    made.map(({ record }) => record),
  );
  return made;
}

/** A certificate for 127.0.0.1 signed by itself, and its key. */
export function selfSigned(
  files: Pick<Folder, "file">,
  name: string,
): { readonly certFile: string; readonly keyFile: string } {
  const pair = { certFile: files.file(`${name}.pem`), keyFile: files.file(`${name}.key`) };
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const out = ["-keyout", pair.keyFile, "-out", pair.certFile];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...out], { stdio: "ignore" });
  return pair;
}

export const bearer = (secret: string) => ({ metadata: { authorization: `Bearer ${secret}` } });

export const clockAtNow = () => new ScriptedClock(now);

export function rsa(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject; readonly pem: string } {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...pair, pem: String(pair.publicKey.export({ type: "spki", format: "pem" })) };
}

/** A token that is good, but for what the test says. */
export function token(
  key: KeyObject | Uint8Array,
  claims: Readonly<Record<string, unknown>> = {},
  header: { alg?: string; kid?: string } = {},
) {
  const seconds = now / 1_000;
  const usual = { sub: "alice", aud: "mt5-bridge", exp: seconds + 3_600, scope: "read trade" };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: "RS256", ...header }).sign(key);
}
