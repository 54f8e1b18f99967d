/**
 * Who may call what: the table of scopes, held against every RPC over every transport, the plain routes included, and
 * against what the README says of it.
 */
import { readFileSync } from "node:fs";
import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/ts/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/ts/grpc/reflection/v1/reflection_pb.ts";
import { codes } from "../../src/contract/fault-status.ts";
import { aliases } from "../../src/contract/plain-http.ts";
import type { Grants, Limits, Scope } from "../../src/contract/principal.ts";
import { type Authenticate, unauthenticated } from "../../src/transport/authenticate.ts";
import { nameOfMethod, type Rule, ruleOf, rules } from "../../src/transport/scopes.ts";
import { services as descriptors } from "../e2e/bad-input.ts";
import { soundBytes } from "../e2e/sound-request.ts";
import type { Ask } from "./cases.ts";
import { asking, askingGrpc, transports } from "./connect/asking.ts";
import { contented } from "./contented.ts";
import { type ServedHttp, servedHttp } from "./http/served-http.ts";
import { firstOf, type Served, served, TestClient } from "./served.ts";
import { type ErrorJson, type Told, toldInJson } from "./told.ts";
import { askingOver } from "./websocket/asking.ts";
import { dialects, type Speaking, speaking } from "./websocket/speaking.ts";

const methods = [...descriptors, Health, ServerReflection].flatMap((service) => service.methods);

/** The grants are the credential. */
const bearerOf = (grants: Grants) => `Bearer ${Buffer.from(JSON.stringify(grants)).toString("base64url")}`;
const authenticate: Authenticate = (credentials) => {
  const [, grants] = credentials.header("authorization")?.split(" ") ?? [];
  if (grants === undefined) throw unauthenticated("No credential.");
  return { name: "caller", grants: JSON.parse(Buffer.from(grants, "base64url").toString()) as Grants };
};
const symbolsMeant = async () => ["EURUSD"];

let grpc: Served;
let http: ServedHttp;
let websocket: Speaking;
const clients: TestClient[] = [];

beforeAll(async () => {
  const calls = { authenticate, symbolsMeant };
  grpc = await served(contented(false), { calls });
  http = await servedHttp(contented(false), { calls });
  websocket = await speaking(contented(false), { calls });
});

afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all([grpc.stop(0), http.stop(0), websocket.stop()]);
});

type Headers = Readonly<Record<string, string>>;
type AskingAs = (headers: Headers) => Ask;

const overGrpc = (port: () => number) => (): AskingAs => {
  const client = new TestClient(port());
  clients.push(client);
  return (headers) => askingGrpc(client, headers);
};

/** How to ask, and which RPCs can be asked for in that way. */
const ways: [string, () => AskingAs, (method: DescMethod) => boolean][] = [
  ["gRPC, on its own port", overGrpc(() => grpc.port), () => true],
  ["gRPC, on the port for all", overGrpc(() => http.port), () => true],
  ...Object.entries(transports).map(([name, of]): (typeof ways)[number] => [
    name,
    () => {
      const transport = of(http.url);
      return (headers) => asking(transport, headers);
    },
    ({ methodKind }) => methodKind !== "bidi_streaming" || name.endsWith("HTTP/2"),
  ]),
  ...dialects.map((spoken): (typeof ways)[number] => [
    `WebSocket, ${spoken}`,
    () => (headers) => askingOver(websocket.port, spoken, headers),
    ({ parent }) => parent.typeName.startsWith("mt5bridge."),
  ]),
];

/** A request that names an account and a symbol wherever it can. */
function naming(method: DescMethod): Message {
  const request = fromBinary(method.input, soundBytes(method.input, [])) as Message;
  name(reflect(method.input, request));
  return request;
}

function name(message: ReturnType<typeof reflect>): void {
  for (const field of message.fields) {
    if (field.fieldKind === "scalar" && field.name === "account") message.set(field, "main");
    else if (field.fieldKind === "scalar" && field.name === "symbol") message.set(field, "EURUSD");
    else if (field.fieldKind === "list" && ["symbols", "add"].includes(field.name)) {
      const list = message.get(field);
      if (list.size === 0) list.add("EURUSD");
    } else if (field.fieldKind === "message" && message.isSet(field)) name(message.get(field));
  }
}

const scopeOf = ({ scope }: Rule): Scope | undefined => (scope === "open" || scope === "any" ? undefined : scope);
const others = (scope: Scope): Grants =>
  Object.fromEntries(["read", "trade", "admin"].filter((one) => one !== scope).map((one) => [one, {}]));

/** The fields of a request, those of the messages in it too. */
const fieldsOf = ({ input }: DescMethod) =>
  input.fields.flatMap((field) => [field, ...(field.fieldKind === "message" ? field.message.fields : [])]);
const has = (method: DescMethod, ...names: string[]) => fieldsOf(method).some((field) => names.includes(field.name));

const limitedBy = {
  accounts: (method: DescMethod) => ruleOf(method).everyAccount === true || has(method, "account"),
  symbols: (method: DescMethod) => ruleOf(method).symbols !== "none",
  maxVolume: (method: DescMethod) => !ruleOf(method).closes && has(method, "volume"),
} as const;
/** What the request above is not within. */
const elsewhere: Readonly<Record<keyof typeof limitedBy, Limits>> = {
  accounts: { accounts: ["elsewhere"] },
  symbols: { symbols: ["XAUUSD"] },
  maxVolume: { maxVolume: 0.01 },
};

const isRefused = (told: Told | undefined) =>
  told?.code === codes.PERMISSION_DENIED || told?.code === codes.UNAUTHENTICATED;

describe.each(ways)("over %s", (_, way, carries) => {
  let as: AskingAs;
  beforeAll(() => {
    as = way();
  });
  const told = async (method: DescMethod, grants: Grants | undefined) => {
    const headers: Headers = grants === undefined ? {} : { authorization: bearerOf(grants) };
    return (await as(headers)(method, naming(method))).told;
  };

  it.each(
    methods
      .filter((method) => method !== Health.method.watch && carries(method))
      .map((method) => [nameOfMethod(method), method] as const),
  )("%s is for those with its scope, within its limits", async (_name, method) => {
    const rule = ruleOf(method);
    const scope = scopeOf(rule);
    expect((await told(method, undefined))?.code === codes.UNAUTHENTICATED).toBe(rule.scope !== "open");
    if (scope === undefined) return expect(isRefused(await told(method, {}))).toBe(false);
    expect(await told(method, others(scope))).toMatchObject({
      code: codes.PERMISSION_DENIED,
      reason: "PERMISSION_DENIED",
      metadata: { scope },
    });
    expect(isRefused(await told(method, { [scope]: {} }))).toBe(false);
    for (const limit of ["accounts", "symbols", "maxVolume"] as const) {
      const answer = await told(method, { [scope]: elsewhere[limit] });
      expect(isRefused(answer), `${limit}: ${answer?.message}`).toBe(limitedBy[limit](method));
    }
  });
});

describe("the watch of a probe", () => {
  it("asks for no credential, and goes on", async () => {
    const client = new TestClient(grpc.port);
    clients.push(client);
    const stream = client.stream(Health.method.watch, { service: "" });
    stream.on("error", () => undefined); // our own cancellation
    expect(await firstOf(stream)).toMatchObject({ status: HealthCheckResponse_ServingStatus.SERVING });
    stream.cancel();
  });
});

describe("a plain route", () => {
  const bodies: Readonly<Record<string, object>> = {
    "/order": { symbol: "EURUSD", order_type: "BUY", volume: 0.1 },
    "/ticks": { symbol: "EURUSD", count: 1 },
  };
  const told = async (verb: string, path: string, grants: Grants | undefined) => {
    const response = await fetch(`${http.url}${path}`, {
      method: verb,
      headers: {
        ...(grants === undefined ? {} : { authorization: bearerOf(grants) }),
        ...(verb === "POST" ? { "content-type": "application/json" } : {}),
      },
      ...(verb === "POST" ? { body: JSON.stringify(bodies[path] ?? {}) } : {}),
    });
    const answer = (await response.json()) as ErrorJson;
    return "code" in answer ? toldInJson(answer) : undefined;
  };

  it.each(aliases.map((alias) => [`${alias.verb} ${alias.path}`, alias] as const))(
    "%s asks for what its RPC does",
    async (_, { verb, path, method }) => {
      const scope = scopeOf(ruleOf(method));
      const stranger = await told(verb, path, undefined);
      expect(stranger?.code === codes.UNAUTHENTICATED).toBe(scope !== undefined);
      if (scope === undefined) return;
      expect(await told(verb, path, others(scope))).toMatchObject({
        code: codes.PERMISSION_DENIED,
        metadata: { scope },
      });
      expect(isRefused(await told(verb, path, { [scope]: {} }))).toBe(false);
    },
  );
});

describe("the README", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const said = readme.split("\n").filter((line) => /^\| `[\w.]+\/\w+` \|/.test(line));
  const words = { open: "none is asked for", any: "any", read: "read", trade: "trade", admin: "admin" };
  const counted = { requests: "a request", orders: "an order", never: "nothing" };
  const bySymbols = { in_request: "symbols", looked_up: "symbols", every: "symbols (refused)", none: "" };
  const rowOf = (method: DescMethod): string => {
    const rule = ruleOf(method);
    const isScoped = scopeOf(rule) !== undefined;
    const limits = [
      isScoped && rule.everyAccount ? "accounts (refused)" : "",
      isScoped && !rule.everyAccount && limitedBy.accounts(method) ? "accounts" : "",
      isScoped ? bySymbols[rule.symbols] : "",
      isScoped && limitedBy.maxVolume(method) ? "volume" : "",
    ].filter((limit) => limit !== "");
    const rate = rule.closesWith === undefined ? counted[rule.rate] : `${counted[rule.rate]}, unless it closes`;
    const paths = aliases
      .filter((alias) => alias.method === method)
      .map(({ verb, path }) => `\`${verb} ${path}\``)
      .join(" ");
    const cells = [`\`${method.parent.name}/${method.name}\``, words[rule.scope], rate, limits.join(", "), paths];
    return `| ${cells.join(" | ")} |`.replace(/ {2,}/g, " ");
  };

  it("says of each RPC what the table says", () => {
    expect(said).toEqual(methods.map(rowOf));
  });

  it("leaves out none", () => {
    const twice = (named: string) => named.replace(".v1alpha.", ".v1."); // the same under an older name
    expect(new Set(methods.map(nameOfMethod))).toEqual(new Set(Object.keys(rules).map(twice)));
  });
});
