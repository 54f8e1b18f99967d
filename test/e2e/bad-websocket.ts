/**
 * Generated bad requests over a WebSocket, and what is wrong with the answers, if anything: those of a bridge, or of
 * services that are content with whatever reaches them.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { codes } from "../../src/contract/fault-status.ts";
import type { Told } from "../transport/told.ts";
import { badJson } from "../transport/websocket/bad-json.ts";
import { type Spoken, toldBy, WebsocketClient } from "../transport/websocket/speaking.ts";
import { badRequests } from "./bad-input.ts";
import { complaintOf, isRefusal } from "./complaint.ts";

/** How many there were, and what was wrong with the answers. */
interface Outcome {
  readonly sent: number;
  readonly complaints: readonly string[];
}

const frameBytes = 1024 * 1024;

export function badInputOverWebsocket(spoken: Spoken, port: number, seed: number): Promise<Outcome> {
  switch (spoken) {
    case "mt5bridge.v1.json":
      return inJson(port);
    case "mt5bridge.v1.proto":
      return inBinary(port, seed);
    case "simple":
      return inPlainWords(port);
  }
}

async function connected(port: number, spoken: Spoken): Promise<WebsocketClient> {
  const one = new WebsocketClient(port, spoken);
  await one.type(spoken === "simple" ? "subscribed" : "welcome");
  return one;
}

/** How the request is answered; undefined: with OK. A stream that opens is ended. */
async function answerTo(one: WebsocketClient, method: DescMethod, id: string): Promise<Told | undefined> {
  const last = method.methodKind === "unary" ? ["result", "error"] : ["complete"];
  let told: Told | undefined;
  for (;;) {
    const { type, ...heard } = await one.next((frame) => frame.id === id);
    if (type === "error") told ??= toldBy({ type, ...heard });
    if (type === "subscribed") one.send("unsubscribe", undefined, undefined, { id });
    if (!last.includes(type)) continue;
    one.forget();
    return told;
  }
}

const wantedType = (method: DescMethod) => (method.methodKind === "unary" ? "call" : "subscribe");

async function inBinary(port: number, seed: number): Promise<Outcome> {
  let guilty = await connected(port, "mt5bridge.v1.proto");
  const complaints: string[] = [];
  let sent = 0;
  for (const bad of badRequests(seed)) {
    const { method, bytes } = bad;
    sent++;
    const id = guilty.send(wantedType(method), `${method.parent.name}/${method.name}`, Buffer.from(bytes));
    if (bytes.length > frameBytes - 200) {
      const { code } = await guilty.closed;
      if (code !== 4413) complaints.push(`${method.name}, ${bad.why}: closed with ${code}`);
      guilty = await connected(port, "mt5bridge.v1.proto");
      continue;
    }
    const found = complaintOf(bad, await answerTo(guilty, method, id));
    if (found !== undefined) complaints.push(found);
  }
  guilty.socket.terminate();
  return { sent, complaints };
}

async function inJson(port: number): Promise<Outcome> {
  const guilty = await connected(port, "mt5bridge.v1.json");
  const complaints: string[] = [];
  let sent = 0;
  for (const { method, text, why, field } of badJson()) {
    const id = `b${++sent}`;
    const name = `${method.parent.name}/${method.name}`;
    guilty.socket.send(`{"type":"${wantedType(method)}","id":"${id}","method":"${name}","data":${text}}`);
    const told = await answerTo(guilty, method, id);
    const isInvalid = told === undefined || told.code === codes.INVALID_ARGUMENT;
    const bad = { method, why, expect: "must_fail", expectViolationField: field } as const;
    const found = complaintOf(bad, isInvalid ? told : `code ${told.code}`);
    if (found !== undefined) complaints.push(found);
  }
  guilty.socket.terminate();
  return { sent, complaints };
}

async function inPlainWords(port: number): Promise<Outcome> {
  const guilty = await connected(port, "simple");
  const complaints: string[] = [];
  let sent = 0;
  for (const { type, body, mayPass } of badPlainWords()) {
    sent++;
    guilty.socket.send(JSON.stringify({ type, data: body }));
    const heard = await guilty.next((frame) => ["error", "signal_result", "subscribed"].includes(frame.type));
    guilty.forget();
    const told = heard.type === "error" ? toldBy(heard) : undefined;
    const isFine = told?.code === codes.INVALID_ARGUMENT || (mayPass && (told === undefined || isRefusal(told)));
    if (!isFine) complaints.push(`${type} ${JSON.stringify(body).slice(0, 200)}: ${told?.message ?? "OK"}`);
  }
  guilty.socket.terminate();
  return { sent, complaints };
}

const signalFields = ["signal_id", "symbol", "action", "volume", "stop_loss", "take_profit", "comment", "urgency"];
const oddValues = [
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

function* badPlainWords(): Iterable<{ type: string; body: object; mayPass: boolean }> {
  const sound = { signal_id: "s", symbol: "EURUSD", action: "BUY", volume: 0.1 };
  const bodies: object[] = [];
  for (const field of signalFields) {
    for (const value of oddValues) bodies.push({ ...sound, [field]: value });
    for (const other of signalFields)
      for (const value of oddValues.slice(0, 5)) bodies.push({ ...sound, [field]: true, [other]: value });
  }
  for (let n = 0; n < 400; n++) bodies.push({ ...sound, [`field_${n}`]: n });
  for (const value of oddValues) bodies.push({ symbols: value });
  for (const type of ["trading_signal", "subscribe", "dance", "auth", "", "__proto__"])
    for (const body of bodies) yield { type, body, mayPass: type === "trading_signal" && !mustFail(body) };
}

/** Text and numbers may be what a broker knows; nothing else can. */
const mustFail = (body: object): boolean =>
  Object.entries(body).some(
    ([field, value]) =>
      !signalFields.includes(field) ||
      !["string", "number"].includes(typeof value) ||
      (typeof value === "string" && !value.isWellFormed()),
  );
