/** Recorded ticks, from the file to a subscriber's last byte. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Delivery, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { SourceState } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { describeRecorded, recorded } from "../recorded.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient } from "./client.ts";

let bridge: RunningBridge | undefined;
afterEach(async () => {
  await bridge?.stop();
  bridge = undefined;
});

describeRecorded("a replay at full speed", () => {
  it("delivers exactly the 49,341 ticks of the day, in order, to a subscriber of every tick", async () => {
    bridge = await startBridge({
      PAPER_REPLAY: join(recorded, "ticks/eurusd-2014-05-02-oanda-lean.csv.gz"),
      PAPER_SPEED: "max",
      PAPER_START: "first-subscriber",
    });
    const client = new BridgeClient(bridge.grpcPort);
    let count = 0;
    let time = 0n;
    let skipped = 0;
    const wish = {
      symbols: ["EURUSD"],
      delivery: Delivery.EVERY_TICK,
      heartbeatInterval: { seconds: 0n, nanos: 200_000_000 },
    };
    for await (const { event } of client.stream(TicksService.method.streamTicks, wish)) {
      if (event.case === "batch") {
        for (const tick of event.value.ticks) {
          count += 1;
          skipped += tick.skipped;
          expect(tick.sequence).toBe(BigInt(count));
          expect(tick.timeMs >= time).toBe(true);
          time = tick.timeMs;
        }
      }
      if (event.case === "heartbeat" && event.value.sourceState === SourceState.MARKET_CLOSED) break;
    }
    client.close();
    expect({ count, skipped }).toEqual({ count: 49_341, skipped: 0 });
  });
});

describe("a replay that cannot be", () => {
  it("is refused at the start, naming the file", async () => {
    await expect(startBridge({ PAPER_REPLAY: "/nowhere/eurusd.csv" })).rejects.toThrow("/nowhere/eurusd.csv");
  });
});
