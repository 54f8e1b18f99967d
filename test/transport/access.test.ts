/** Who gets in, with what: real servers, real clients, real keys and tokens. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { exportJWK } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Health } from "../../gen/ts/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/ts/grpc/reflection/v1/reflection_pb.ts";
import { AdminService, DrainResponseSchema } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import {
  GetHealthResponseSchema,
  HealthService,
  WatchHealthResponseSchema,
} from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService, PlaceOrderResponseSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Call, Service } from "../../src/contract/service.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import { type Access, type AccessOptions, openAccess } from "../../src/transport/access.ts";
import { writeKeys } from "../../src/transport/api-keys.ts";
import { bearerAmong } from "../../src/transport/authenticate.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import { bearer, clockAtNow, everything, type Folder, folder, keysWith, now, rsa, token } from "./credentials.ts";
import { collected, firstOf, type Served, served, someOf, TestClient } from "./served.ts";

const { getHealth, watchHealth } = HealthService.method;
const { placeOrder } = OrdersService.method;
const { drain } = AdminService.method;

const order = { clientOrderId: "a", symbol: "EURUSD", side: 1, type: 1, volume: 0.1 };
const file = rsa();

let files: Folder;
let access: Access;
let server: Served;
let client: TestClient;
let clock: ReturnType<typeof clockAtNow>;
let notes: Notes;
let callers: string[];

const services = (): Service[] => [
  someOf(HealthService, {
    async getHealth(_: unknown, call: Call) {
      callers.push(call.principal.name);
      return create(GetHealthResponseSchema);
    },
    async *watchHealth(_: unknown, call: Call) {
      yield create(WatchHealthResponseSchema, { event: { case: "opened", value: {} } });
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    },
  }),
  someOf(OrdersService, { placeOrder: async () => create(PlaceOrderResponseSchema) }),
  someOf(AdminService, { drain: async () => create(DrainResponseSchema) }),
];

async function serve(options: Partial<AccessOptions>, calls: { readonly clock?: Clock } = {}): Promise<void> {
  access = await openAccess({ rates: {}, ...options }, clock, notes);
  const { authenticate, rates } = access;
  server = await served(services(), { calls: { authenticate, rates, ...calls } });
  client = new TestClient(server.port);
}

async function codeWith(secret: string | undefined): Promise<number> {
  const result = await client.call(getHealth, {}, secret === undefined ? {} : bearer(secret));
  return result.ok ? status.OK : result.failed.code;
}

async function reasonWith(secret: string): Promise<string> {
  const result = await client.call(getHealth, {}, bearer(secret));
  if (result.ok) throw new Error("let in");
  expect(result.failed).toMatchObject({
    code: status.UNAUTHENTICATED,
    info: { reason: "UNAUTHENTICATED", metadata: { order_may_exist: "false", retry: "with_new_credential" } },
  });
  expect(JSON.stringify(result.failed)).not.toContain(secret);
  return result.failed.message;
}

/** As if a look at the files were due. */
async function look(): Promise<void> {
  clock.advance(1_000);
  await quiet();
}

beforeEach(() => {
  files = folder();
  clock = clockAtNow();
  notes = new Notes();
  callers = [];
});

afterEach(async () => {
  client?.close();
  access?.close();
  await server?.stop(0);
  files.remove();
});

describe("without keys and tokens", () => {
  it("everybody is the developer, whatever he sends", async () => {
    await serve({});
    expect([await codeWith(undefined), await codeWith("anything")]).toEqual([status.OK, status.OK]);
    expect(callers).toEqual(["development", "development"]);
    expect((await client.call(drain, {})).ok).toBe(true);
  });
});

describe("an API key", () => {
  it("lets its holder in, by its name", async () => {
    const [made] = keysWith(files.file("keys"), everything);
    await serve({ keysFile: files.file("keys") });
    expect(await codeWith(made?.key)).toBe(status.OK);
    expect(callers).toEqual([`key-0#${made?.record.id}`]);
  });

  it("is asked for, and what is not one is refused without saying why", async () => {
    const [made] = keysWith(files.file("keys"), everything);
    await serve({ keysFile: files.file("keys") });
    const key = String(made?.key);
    const wrong = `${key.slice(0, -4)}${key.endsWith("AAAA") ? "BBBB" : "AAAA"}`;
    const unknown = key.replace(/_[0-9a-f]{8}_/, "_00000000_");
    const reasons = await Promise.all([wrong, unknown, `${key}x`, key.slice(0, -1)].map(reasonWith));
    expect(new Set(reasons).size).toBe(1);
    expect(await reasonWith("hello")).toContain("no API key of this bridge");
    expect(callers).toEqual([]);
  });

  it.each([
    [{}, "No credential"],
    [{ authorization: "" }, "No credential"],
    [{ authorization: "Basic dTpw" }, "must be `Bearer"],
    [{ authorization: "Bearer" }, "must be `Bearer"],
    [{ authorization: "Bearer a b" }, "must be `Bearer"],
    [{ authorization: `Bearer ${"a".repeat(20_000)}` }, "must be `Bearer"],
  ])("in the header, and in its form: %j", async (metadata, message) => {
    keysWith(files.file("keys"), everything);
    await serve({ keysFile: files.file("keys") });
    const result = await client.call(getHealth, {}, { metadata });
    expect(result).toMatchObject({ ok: false, failed: { code: status.UNAUTHENTICATED } });
    expect(result.ok ? "" : result.failed.message).toContain(message);
  });

  it("is good for any spelling of the scheme", async () => {
    const [made] = keysWith(files.file("keys"), everything);
    await serve({ keysFile: files.file("keys") });
    const result = await client.call(getHealth, {}, { metadata: { authorization: `bearer  ${made?.key}` } });
    expect(result.ok).toBe(true);
  });

  it("can be revoked while the bridge runs: calls are refused, and streams end", async () => {
    const path = files.file("keys");
    const [kept, taken] = keysWith(path, everything, everything);
    await serve({ keysFile: path });
    const streams = [kept, taken].map((made) => client.stream(watchHealth, {}, bearer(String(made?.key))));
    await Promise.all(streams.map(firstOf));
    const [, ended] = streams.map(collected);

    writeKeys(path, kept === undefined ? [] : [kept.record]);
    await look();
    expect((await ended)?.failed).toMatchObject({ code: status.UNAUTHENTICATED, message: "The API key was revoked." });
    expect([await codeWith(kept?.key), await codeWith(taken?.key)]).toEqual([status.OK, status.UNAUTHENTICATED]);
    expect(server.drain.inFlight.streams).toBe(1);
    streams[0]?.cancel();
  });

  it("can be added and changed while the bridge runs", async () => {
    const path = files.file("keys");
    const [first] = keysWith(path, everything);
    await serve({ keysFile: path });
    const [second] = keysWith(files.file("others"), everything);
    if (first === undefined || second === undefined) throw new Error("no keys");
    writeKeys(path, [{ ...first.record, scopes: { read: {} } }, second.record]);
    await look();
    expect(await codeWith(second.key)).toBe(status.OK);
    const refused = await client.call(placeOrder, order, bearer(first.key));
    expect(refused).toMatchObject({ ok: false, failed: { code: status.PERMISSION_DENIED } });
  });

  it("stays good when the file has gone or is damaged, and the log says so", async () => {
    const path = files.file("keys");
    const [made] = keysWith(path, everything);
    await serve({ keysFile: path });
    files.write("keys", '{"version": 1, "keys": [{"id": "secret-of-somebody"');
    await look();
    expect(await codeWith(made?.key)).toBe(status.OK);
    expect(notes.lines).toEqual([expect.stringContaining("could not be read anew")]);
    expect(notes.lines.join()).not.toContain("secret-of-somebody");
    keysWith(path);
    await look();
    expect(await codeWith(made?.key)).toBe(status.UNAUTHENTICATED);
  });

  it("is missed at start when its file cannot be understood", async () => {
    const open = (content: string) => openAccess({ keysFile: files.write("keys", content), rates: {} }, clock, notes);
    await expect(open("{")).rejects.toThrow("is not valid JSON");
    await expect(open("{}")).rejects.toThrow("is no file of API keys: version");
    await expect(open('{"version": 1, "keys": [{"id": "x"}]}')).rejects.toThrow("keys.0.id");
    keysWith(files.file("keys"));
    (await openAccess({ keysFile: files.file("keys"), rates: {} }, clock, notes)).close();
    expect(notes.lines).toEqual([expect.stringContaining("There are no API keys")]);
  });

  it("is needed by all but probes", async () => {
    const [made] = keysWith(files.file("keys"), { read: {} });
    await serve({ keysFile: files.file("keys") });
    expect((await client.call(Health.method.check, { service: "" })).ok).toBe(true);
    expect((await client.call(Health.method.list, {})).ok).toBe(true);
    const { serverReflectionInfo } = ServerReflection.method;
    const ask = { messageRequest: { case: "listServices", value: "" } };
    expect((await collected(client.stream(serverReflectionInfo, ask))).failed?.code).toBe(status.UNAUTHENTICATED);
    const known = await collected(client.stream(serverReflectionInfo, ask, bearer(String(made?.key))));
    expect(known.failed).toBeUndefined();
  });

  it("may be offered by browsers among the subprotocols", () => {
    expect(bearerAmong(["mt5bridge.v1.json", "bearer.mt5b_1"])).toBe("Bearer mt5b_1");
    expect(bearerAmong(["mt5bridge.v1.json"])).toBeUndefined();
  });
});

describe("a token", () => {
  const tokens = { audience: "mt5-bridge" };
  const withFile = () => ({ tokens: { ...tokens, publicKeyFile: files.write("issuer.pem", file.pem) } });

  it("lets its subject in, as long as it lasts", async () => {
    await serve(withFile());
    const good = await token(file.privateKey);
    expect(await codeWith(good)).toBe(status.OK);
    expect(callers).toEqual(["token:alice"]);
    clock.advance(3_600_000 + 5_000);
    expect(await reasonWith(good)).toBe("The token has expired.");
  });

  it("ends its streams when it ends", async () => {
    await serve(withFile(), { clock });
    const stream = client.stream(watchHealth, {}, bearer(await token(file.privateKey)));
    await firstOf(stream);
    clock.advance(3_600_000);
    const { failed } = await collected(stream);
    expect(failed).toMatchObject({ code: status.UNAUTHENTICATED, message: "The token has expired." });
  });

  it.each([
    ["has expired", { exp: now / 1_000 - 6 }, "has expired"],
    ["has no end", { exp: undefined }, '"exp"'],
    ["has no subject", { sub: undefined }, '"sub"'],
    ["is not good yet", { nbf: now / 1_000 + 60 }, '"nbf"'],
    ["is for somebody else", { aud: "another-service" }, '"aud"'],
    ["is from somebody else", { iss: "https://evil.example" }, '"iss"'],
    ["has a misspelled limit", { limits: { trade: { symbol: ["EURUSD"] } } }, '"limits.trade"'],
    ["has a limit of nothing", { symbols: [] }, '"symbols"'],
    ["has a volume in words", { max_volume: "0.1" }, '"max_volume"'],
  ])("is refused that %s", async (_, claims, reason) => {
    const iss = "https://issuer.example";
    await serve({ tokens: { ...withFile().tokens, issuer: iss } });
    expect(await codeWith(await token(file.privateKey, { iss }))).toBe(status.OK);
    expect(await reasonWith(await token(file.privateKey, { iss, ...claims }))).toContain(reason);
  });

  it("is refused that is forged, unsigned, or signed with the public key as if it were a secret", async () => {
    await serve(withFile());
    const good = await token(file.privateKey);
    const [header, payload, signature] = good.split(".");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const more = part({ ...JSON.parse(Buffer.from(String(payload), "base64url").toString()), scope: "admin" });
    const signed = (alg: string, secret: string) => {
      const text = `${part({ alg })}.${payload}`;
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    };
    expect(await reasonWith(`${header}.${more}.${signature}`)).toBe("The token's signature is wrong.");
    expect(await reasonWith(await token(rsa().privateKey))).toBe("The token's signature is wrong.");
    expect(await reasonWith(`${part({ alg: "none" })}.${payload}.`)).not.toContain("trade");
    expect(await reasonWith(signed("HS256", file.pem))).toBe("The token's algorithm is not accepted.");
    expect(await reasonWith("a.b.c")).toBe("That is neither an API key nor a token.");
    expect(await reasonWith("nonsense")).toBe("That is neither an API key nor a token.");
    expect(callers).toEqual([]);
  });

  it("is checked with the keys that its issuer publishes", async () => {
    const jwk = { ...(await exportJWK(file.publicKey)), kid: "one", alg: "RS256" };
    const issuer = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
    issuer.listen(0, "127.0.0.1");
    await once(issuer, "listening");
    const jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks`;
    await serve({ tokens: { ...tokens, jwksUrl } });
    expect(await codeWith(await token(file.privateKey, {}, { kid: "one" }))).toBe(status.OK);
    expect(await reasonWith(await token(rsa().privateKey, {}, { kid: "one" }))).toContain("signature");
    expect(await reasonWith(await token(rsa().privateKey, {}, { kid: "two" }))).toContain("a key not known");
    issuer.close();
    issuer.closeAllConnections();
    await once(issuer, "close");
  });

  it("is refused while the issuer's keys are not at hand, which may change", async () => {
    await serve({ tokens: { ...tokens, jwksUrl: "http://127.0.0.1:1/jwks" } });
    const result = await client.call(getHealth, {}, bearer(await token(file.privateKey)));
    expect(result).toMatchObject({ ok: false, failed: { code: status.UNAUTHENTICATED, retryInfo: {} } });
    expect(notes.lines).toEqual([expect.stringContaining("could not be checked")]);
  });

  it("can be made with a shared secret in development", async () => {
    const secret = "0123456789abcdef0123456789abcdef";
    await serve({ tokens: { ...tokens, secret } });
    const with32 = (key: string) => token(Buffer.from(key), {}, { alg: "HS256" });
    expect(await codeWith(await with32(secret))).toBe(status.OK);
    expect(await reasonWith(await with32(secret.replace("0", "1")))).toContain("signature");
    const tooShort = openAccess({ tokens: { ...tokens, secret: "short" }, rates: {} }, clock, notes);
    await expect(tooShort).rejects.toThrow("32 bytes");
  });

  it("and a key go together", async () => {
    const [made] = keysWith(files.file("keys"), everything);
    await serve({ ...withFile(), keysFile: files.file("keys") });
    expect([await codeWith(made?.key), await codeWith(await token(file.privateKey))]).toEqual([status.OK, status.OK]);
    client.close();
    await server.stop(0);
    await serve(withFile());
    expect(await reasonWith(String(made?.key))).toContain("API keys are not accepted here");
  });

  it("is missed at start when the issuer's key is none", async () => {
    const open = (publicKeyFile: string) =>
      openAccess({ tokens: { ...tokens, publicKeyFile }, rates: {} }, clock, notes);
    await expect(open(files.file("gone"))).rejects.toThrow("gone is not there");
    await expect(open(files.write("text", "hello"))).rejects.toThrow("is no public key");
  });
});

describe("a scope", () => {
  it.each([
    [{ read: {} }, [true, false, false]],
    [{ trade: {} }, [false, true, false]],
    [{ admin: {} }, [false, false, true]],
    [{ read: {}, trade: {} }, [true, true, false]],
    [everything, [true, true, true]],
  ])("allows its own RPCs and no others: %j", async (grants, allowed) => {
    const [made] = keysWith(files.file("keys"), grants);
    await serve({ keysFile: files.file("keys") });
    const calls = [
      client.call(getHealth, {}, bearer(String(made?.key))),
      client.call(placeOrder, order, bearer(String(made?.key))),
      client.call(drain, {}, bearer(String(made?.key))),
    ];
    const results = await Promise.all(calls);
    expect(results.map(({ ok }) => ok)).toEqual(allowed);
    for (const [index, result] of results.entries()) {
      if (result.ok) continue;
      const scope = String(["read", "trade", "admin"][index]);
      expect(result.failed).toMatchObject({
        code: status.PERMISSION_DENIED,
        message: expect.stringContaining(`needs the scope ${scope}`),
        info: { reason: "PERMISSION_DENIED", metadata: { scope, order_may_exist: "false", retry: "never" } },
      });
    }
    const refused = results.find(({ ok }) => !ok);
    if (refused) await server.line(({ context }) => context["principal"] === `key-0#${made?.record.id}`);
  });

  it("is taken from a token's claims, those of other services left out", async () => {
    await serve({ tokens: { audience: "mt5-bridge", publicKeyFile: files.write("issuer.pem", file.pem) } });
    const may = async (claims: object) => {
      const secret = await token(file.privateKey, { scope: undefined, ...claims });
      const reads = await client.call(getHealth, {}, bearer(secret));
      return [reads.ok, (await client.call(placeOrder, order, bearer(secret))).ok];
    };
    expect(await may({})).toEqual([false, false]);
    expect(await may({ scope: "openid read profile" })).toEqual([true, false]);
    expect(await may({ scopes: ["read", "trade"] })).toEqual([true, true]);
    expect(await may({ scope: "READ trader" })).toEqual([false, false]);
    expect(await may({ scope: "trade", symbols: ["GBPUSD"] })).toEqual([false, false]);
    expect(await may({ scope: "trade", limits: { trade: { symbols: ["EURUSD"], max_volume: 0.1 } } })).toEqual([
      false,
      true,
    ]);
    expect(await may({ scope: "trade", max_volume: 0.05 })).toEqual([false, false]);
  });
});
