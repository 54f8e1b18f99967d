import { once } from "node:events";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import type { Call, Service } from "../../../src/contract/service.ts";
import { badRequests, services as descriptors } from "../../e2e/bad-input.ts";
import { someOf } from "../served.ts";
import { badJson } from "./bad-json.ts";
import { type Heard, type Speaking, speaking, WebsocketClient, type Wrong, wrongOf } from "./speaking.ts";

const { getHealth } = HealthService.method;
const frameBytes = 1024 * 1024;

/** Every RPC of the contract, with an implementation that is content with everything that reaches it. */
const contented = (endless: boolean): Service[] =>
  descriptors.map((descriptor) =>
    someOf(
      descriptor,
      Object.fromEntries(
        descriptor.methods.map((method): [string, unknown] =>
          method.methodKind === "unary"
            ? [method.localName, async () => create(method.output)]
            : [
                method.localName,
                async function* (_: unknown, { signal }: Call): AsyncGenerator<Message> {
                  yield create(method.output);
                  if (endless && !signal.aborted) await once(signal, "abort");
                },
              ],
        ),
      ),
    ),
  );

let server: Speaking;
const clients: WebsocketClient[] = [];

async function connect(spoken: ConstructorParameters<typeof WebsocketClient>[1]): Promise<WebsocketClient> {
  const one = new WebsocketClient(server.port, spoken);
  clients.push(one);
  if (spoken === "simple") await one.opened();
  else await one.type("welcome");
  return one;
}

const serve = async (endless = false) => {
  server = await speaking(contented(endless));
};

afterEach(async () => {
  for (const one of clients.splice(0)) one.socket.terminate();
  await server.stop();
});

/** How the request is answered; undefined: with OK. */
async function answerTo(one: WebsocketClient, method: DescMethod, id: string): Promise<Wrong | undefined> {
  const last = method.methodKind === "unary" ? ["result", "error"] : ["complete"];
  let wrong: Wrong | undefined;
  let heard: Heard;
  do {
    heard = await one.next((frame) => frame.id === id);
    if (heard.type === "error") wrong = wrongOf(heard);
  } while (!last.includes(heard.type));
  one.forget();
  return wrong;
}

const wantedType = (method: DescMethod) => (method.methodKind === "unary" ? "call" : "subscribe");
const refusals = new Set([
  "invalid_argument",
  "not_found",
  "resource_exhausted",
  "unimplemented",
  "failed_precondition",
]);

describe("bad requests", () => {
  it("in binary are refused as over gRPC, by the field's name, and the connection goes on", async () => {
    await serve();
    const innocent = await connect("mt5bridge.v1.json");
    let guilty = await connect("mt5bridge.v1.proto");
    const complaints: string[] = [];
    let sent = 0;
    for (const { method, bytes, why, expect: wanted, expectViolationField: field } of badRequests(7)) {
      sent++;
      const say = (what: string) => complaints.push(`${method.name}, ${why}: ${what}`);
      const id = guilty.send(wantedType(method), `${method.parent.name}/${method.name}`, Buffer.from(bytes));
      if (bytes.length > frameBytes - 200) {
        const { code } = await guilty.closed;
        if (code !== 4413) say(`closed with ${code}`);
        guilty = await connect("mt5bridge.v1.proto");
        continue;
      }
      const wrong = await answerTo(guilty, method, id);
      if (wrong === undefined) {
        if (wanted === "must_fail") say("answered with OK");
      } else if (!refusals.has(wrong.code) || wrong.reason === undefined) say(`${wrong.code} ${wrong.message}`);
      else if (field !== undefined && !wrong.violations.some((violation) => violation.field === field)) {
        say(`does not name ${field}: ${wrong.message}`);
      }
    }
    expect(complaints).toEqual([]);
    expect(sent).toBeGreaterThan(2_000);
    expect((await innocent.call(getHealth, {})).answer).toEqual(create(GetHealthResponseSchema));
    expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
  }, 120_000);

  it("in JSON are refused by the field's name, and the connection goes on", async () => {
    await serve();
    const guilty = await connect("mt5bridge.v1.json");
    const complaints: string[] = [];
    let sent = 0;
    for (const { method, text, why, field } of badJson()) {
      const id = `b${++sent}`;
      const say = (what: string) => complaints.push(`${method.name}, ${why}: ${what}`);
      const name = `${method.parent.name}/${method.name}`;
      guilty.socket.send(`{"type":"${wantedType(method)}","id":"${id}","method":"${name}","data":${text}}`);
      const wrong = await answerTo(guilty, method, id);
      if (wrong?.code !== "invalid_argument")
        say(wrong === undefined ? "answered with OK" : `${wrong.code} ${wrong.message}`);
      else if (field !== undefined && !wrong.violations.some((violation) => violation.field === field)) {
        say(`does not name ${field}: ${wrong.message}`);
      }
    }
    expect(complaints).toEqual([]);
    expect(sent).toBeGreaterThan(2_000);
    expect((await guilty.call(getHealth, {})).answer).toBeDefined();
    expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
  }, 120_000);

  it("in the simple profile are refused, and what is a frame does not end the connection", async () => {
    const fields = ["signal_id", "symbol", "action", "volume", "stop_loss", "take_profit", "comment", "urgency"];
    const values = [
      true,
      {},
      [],
      [1],
      { a: 1 },
      "\ud800",
      "x".repeat(1_000),
      -1,
      1e308,
      "",
      " ",
      "\u0000",
      [[[[]]]],
      "NaN",
    ];
    const sound = { signal_id: "s", symbol: "EURUSD", action: "BUY", volume: 0.1 };
    const bodies: object[] = [];
    for (const field of fields) {
      for (const value of values) bodies.push({ ...sound, [field]: value });
      for (const other of fields)
        for (const value of values.slice(0, 5)) bodies.push({ ...sound, [field]: true, [other]: value });
    }
    for (let n = 0; n < 400; n++) bodies.push({ ...sound, [`field_${n}`]: n });
    for (const value of values) bodies.push({ symbols: value });
    const types = ["trading_signal", "subscribe", "dance", "auth", "", "__proto__"];
    await serve(true);
    const guilty = await connect("simple");
    /** Text and numbers may be what a broker knows; nothing else can. */
    const mustFail = (body: object) =>
      Object.entries(body).some(
        ([field, value]) =>
          !fields.includes(field) ||
          !["string", "number"].includes(typeof value) ||
          (typeof value === "string" && !value.isWellFormed()),
      );
    let sent = 0;
    const complaints: string[] = [];
    for (const type of types) {
      for (const body of bodies) {
        if (type === "auth" && "token" in body) continue;
        const mayPass = type === "trading_signal" && !mustFail(body);
        sent++;
        guilty.socket.send(JSON.stringify({ type, data: body }));
        const heard = await guilty.next((frame) => frame.type === "error" || frame.type === "signal_result");
        guilty.forget();
        const code = heard.type === "error" ? (heard.data as { code: string }).code : "ok";
        const fine = code === "invalid_argument" || (mayPass && code === "ok");
        if (!fine) complaints.push(`${type} ${JSON.stringify(body).slice(0, 200)}: ${code}`);
      }
    }
    expect(complaints).toEqual([]);
    expect(sent).toBeGreaterThan(2_000);
    expect(guilty.socket.readyState).toBe(1);
    expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
  }, 120_000);
});
