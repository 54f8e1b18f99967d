/** Which credentials are good for a terminal. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Grants } from "../../../src/contract/principal.ts";
import { type Access, openAccess } from "../../../src/transport/access.ts";
import { writeKeys } from "../../../src/transport/api-keys.ts";
import { admitting } from "../../../src/transport/link/admission.ts";
import { Notes, quiet } from "../../terminals/paper/scripted.ts";
import { clockAtNow, type Folder, folder, keysWith, now, rsa, token } from "../credentials.ts";

let files: Folder;
let clock: ReturnType<typeof clockAtNow>;
let access: Access;
let over: AbortController;

beforeEach(() => {
  files = folder();
  clock = clockAtNow();
  over = new AbortController();
});

afterEach(() => {
  over.abort();
  access.close();
  files.remove();
});

const admit = (secret: string | undefined) => admitting(access.authenticate, clock)("10.0.0.7:5", secret, over.signal);

async function withKey(grants: Grants): Promise<string> {
  const [made] = keysWith(files.file("keys"), grants);
  access = await openAccess({ keysFile: files.file("keys"), rates: {} }, clock, new Notes());
  return String(made?.key);
}

describe("a terminal's credential", () => {
  it("needs the scope terminal, which no other includes", async () => {
    const key = await withKey({ read: {}, trade: {}, admin: {} });
    await expect(admit(key)).rejects.toThrow(/key-0#\w+ has not the scope terminal: make one with `npm run keys/);
  });

  it("is asked for where keys are, in a sentence that says where it belongs", async () => {
    await withKey({ terminal: {} });
    await expect(admit(undefined)).rejects.toThrow("The terminal has sent no token: make one with `npm run keys");
    await expect(admit("")).rejects.toThrow("no token");
    await expect(admit("mt5b_0")).rejects.toThrow("The API key is not known here");
  });

  it("is not asked for where there are no keys", async () => {
    access = await openAccess({ rates: {} }, clock, new Notes());
    expect((await admit(undefined)).mayServe("any")).toBe(true);
  });

  it("is limited to accounts, if it is", async () => {
    const { mayServe } = await admit(await withKey({ terminal: { accounts: ["main"] } }));
    expect([mayServe("main"), mayServe("other")]).toEqual([true, false]);
  });

  it("is good until its key is taken back", async () => {
    const { ended } = await admit(await withKey({ terminal: {} }));
    writeKeys(files.file("keys"), []);
    clock.advance(1_000);
    await quiet();
    expect([ended.aborted, ended.reason]).toEqual([true, "The API key was revoked."]);
  });

  it("is good until its token expires", async () => {
    const { privateKey, pem } = rsa();
    const publicKeyFile = files.write("issuer.pem", pem);
    access = await openAccess({ tokens: { audience: "mt5-bridge", publicKeyFile }, rates: {} }, clock, new Notes());
    const { ended } = await admit(await token(privateKey, { scope: "terminal", exp: now / 1_000 + 60 }));
    clock.advance(59_999);
    await quiet();
    expect(ended.aborted).toBe(false);
    clock.advance(1);
    await quiet();
    expect(ended.reason).toBe("The token has expired.");
  });
});
