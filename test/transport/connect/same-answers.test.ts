import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ask, caseServices, cases, expectedOf, seenIn } from "../cases.ts";
import { type ServedHttp, servedHttp } from "../http/served-http.ts";
import { type Served, served, TestClient } from "../served.ts";
import { asking, askingGrpc, transports } from "./asking.ts";

let http: ServedHttp;
let grpc: Served;
const clients: TestClient[] = [];

beforeAll(async () => {
  http = await servedHttp(caseServices());
  grpc = await served(caseServices());
});

afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all([http.stop(0), grpc.stop(0)]);
});

const askingAt = (port: () => number) => () => {
  const client = new TestClient(port());
  clients.push(client);
  return askingGrpc(client);
};

const ways: [string, () => Ask][] = [
  ["gRPC, on its own port", askingAt(() => grpc.port)],
  ["gRPC, by grpc-js on the port for all", askingAt(() => http.port)],
  ...Object.entries(transports).map(([name, of]): [string, () => Ask] => [name, () => asking(of(http.url))]),
];

describe.each(ways)("over %s", (_, way) => {
  let ask: Ask;
  beforeAll(() => {
    ask = way();
  });

  it.each(cases)("$name", async (one) => {
    const outcome = await ask(one.method, one.request);
    expect(seenIn(one, outcome, one.method)).toEqual(expectedOf(one));
    if (outcome.told !== undefined) expect(outcome.told.message).not.toMatch(/secret|TypeError/);
  });
});
