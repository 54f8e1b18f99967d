import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import { badInputOverWebsocket } from "../../e2e/bad-websocket.ts";
import { contented } from "../contented.ts";
import { type Speaking, speaking, WebsocketClient } from "./speaking.ts";

let server: Speaking;

beforeEach(async () => {
  server = await speaking(contented(true));
});

afterEach(() => server.stop());

describe("bad requests", () => {
  it.each(["mt5bridge.v1.json", "mt5bridge.v1.proto", "simple"] as const)(
    "over %s are refused before they reach a service, by the field's name, and harm nobody",
    async (spoken) => {
      const innocent = new WebsocketClient(server.port, "mt5bridge.v1.json");
      await innocent.type("welcome");
      const { sent, complaints } = await badInputOverWebsocket(spoken, server.port, 7);
      expect(complaints).toEqual([]);
      expect(sent).toBeGreaterThan(2_000);
      const { answer } = await innocent.call(HealthService.method.getHealth, {});
      expect(answer).toEqual(create(GetHealthResponseSchema));
      innocent.socket.terminate();
      expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
    },
    120_000,
  );
});
