import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import { someOf } from "../served.ts";
import { wrongOf } from "./speaking.ts";
import { client, serve } from "./stage.ts";

const { getHealth } = HealthService.method;
const healthy = someOf(HealthService, {
  getHealth: async () => create(GetHealthResponseSchema, { health: { version: "1" } }),
});

describe("a frame that is none", () => {
  const text = [
    "",
    "nonsense",
    "[]",
    "null",
    "3",
    '"call"',
    "{",
    '{"type":3}',
    '{"type":"dance"}',
    '{"type":"__proto__"}',
  ];
  const wrong = [
    ...text,
    '{"type":"call","method":"HealthService/GetHealth"}',
    '{"type":"call","id":"","method":"HealthService/GetHealth"}',
    `{"type":"call","id":"${"x".repeat(65)}"}`,
    '{"type":"call","id":7,"method":"HealthService/GetHealth"}',
    '{"type":"call","id":"1","metod":"HealthService/GetHealth"}',
    '{"type":"call","id":"1","method":["HealthService/GetHealth"]}',
    '{"type":"call","id":"1","timeout_ms":-1}',
    '{"type":"auth","data":{"token":7}}',
    `${"[".repeat(200_000)}`,
    `{"type":"ping","data":${"[".repeat(200_000)}${"]".repeat(200_000)},"x":1}`,
  ];

  it.each(wrong)("closes the connection with 4400: %.60s", async (frame) => {
    await serve([healthy]);
    const one = await client("mt5bridge.v1.json");
    one.socket.send(frame);
    expect(wrongOf(await one.type("error")).code).toBe("invalid_argument");
    expect((await one.closed).code).toBe(4400);
  });

  it.each([
    ["no bytes", Buffer.alloc(0)],
    ["text instead", "{}"],
    ["random", Buffer.from([0xff, 0xff, 0xff])],
    ["an unknown type", Buffer.from([0x08, 99])],
    ["a call without id", Buffer.from([0x08, 2])],
  ])("closes the binary connection with 4400: %s", async (_, frame) => {
    await serve([healthy]);
    const one = await client("mt5bridge.v1.proto");
    one.socket.send(frame);
    expect(wrongOf(await one.type("error")).code).toBe("invalid_argument");
    expect((await one.closed).code).toBe(4400);
  });

  it("is not one whose request is wrong: the connection goes on", async () => {
    await serve([healthy]);
    const one = await client("mt5bridge.v1.json");
    for (const [data, field] of [
      ['{"nothing":1}', "nothing"],
      ['{"a":1,"a":1}', "a"],
    ]) {
      one.socket.send(`{"type":"call","id":"1","method":"HealthService/GetHealth","data":${data}}`);
      expect(wrongOf(await one.type("error")).violations).toMatchObject([{ field }]);
    }
    for (const data of ["null", "7", '"x"', "[]"]) {
      one.socket.send(`{"type":"call","id":"1","method":"HealthService/GetHealth","data":${data}}`);
      expect(wrongOf(await one.type("error")).code).toBe("invalid_argument");
    }
    expect((await one.call(getHealth, {})).answer).toBeDefined();
  });
});
