/** A life of the bridge as readers of ticks see it: a numbering of its own, all transports, and what was published. */
import { TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { tickStreams } from "../../../src/contract/ticks-service.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import { StreamIds } from "../../../src/core/streams/stream-ids.ts";
import { TickHub } from "../../../src/core/ticks/hub.ts";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import { tickAt, utc } from "../../any-ticks.ts";
import { demo, eurusd } from "../../terminals/paper/builders.ts";
import { servedHttp } from "../http/served-http.ts";
import { served, someOf } from "../served.ts";
import { speaking } from "../websocket/speaking.ts";

export const names = ["EURUSD", "GBPUSD", "USDJPY"];
const symbols = new Map(names.map((name) => [name, { ...eurusd, name }]));
const opening = utc("2025-01-07T10:00");

export interface Life {
  readonly epoch: string;
  /** Every tick in the order of its place: the one at index n has the place n + 1. */
  readonly published: readonly Tick[];
  readonly ports: { readonly grpc: number; readonly http: number; readonly websocket: number };
  publish(symbolsOfTicks: readonly string[]): void;
  /** Tells the streams that it leaves, or cuts them off. */
  end(kindly: boolean): Promise<void>;
}

export async function beginLife(epoch: string): Promise<Life> {
  const hub = new TickHub(epoch, symbols);
  const account = { info: demo, symbols, hub, clock: machineClock(), sourceState: "live" } as const;
  const quotes = new Map([[demo.alias as string, { ...account, streams: new StreamIds(epoch) }]]);
  const services = [someOf(TicksService, tickStreams(quotes))];
  const grpc = await served(services);
  const http = await servedHttp(services);
  const websocket = await speaking(services);
  const published: Tick[] = [];
  return {
    epoch,
    published,
    ports: { grpc: grpc.port, http: http.port, websocket: websocket.port },
    publish(symbolsOfTicks) {
      const ticks = symbolsOfTicks.map((symbol, i) => {
        const bid = (100_000 + ((published.length + i) % 997)) as Tick["bid"];
        const { sequence: _sequence, place: _place, ...tick } = tickAt(opening, { symbol, bid });
        return tick;
      });
      for (const tick of hub.publish(ticks)) published.push(tick);
    },
    async end(kindly) {
      const doors = [grpc, http, websocket];
      if (kindly) for (const { drain } of doors) drain.begin();
      const grace = kindly ? 100 : 0;
      await Promise.all([grpc.stop(grace), http.stop(grace), websocket.stop()]);
    },
  };
}
