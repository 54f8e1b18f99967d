/** What the link to a live terminal carries, and what a cut costs, with each terminal behind the line in turn. */
import { fromBinary } from "@bufbuild/protobuf";
import { ConnectRequestSchema } from "../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { Latencies } from "./latencies.ts";
import { Chain, pause } from "./link-chain.ts";
import type { LinkLine } from "./link-line.ts";
import { benchOutage } from "./link-outage.ts";
import { type LinkTerminal, linkTerminals } from "./link-terminals.ts";
import { median } from "./median.ts";
import { isFilled, orderRequests } from "./order-requests.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

export async function benchLink(size: Size): Promise<void> {
  const terminals = linkTerminals(size);
  for (const table of [ticks, cuts, orders, benchOutage]) await table(terminals, size);
}

/** Ticks a second that reach the bridge, of as many as the fake makes at most. */
async function ticks(terminals: readonly LinkTerminal[], { ticksMs, tickWarmMs }: Size): Promise<void> {
  const offered = 100_000;
  const cutMs = 1000;
  const rows: Cell[][] = [];
  for (const terminal of terminals) {
    progress(`link: ticks, ${terminal.name}`);
    const chain = await Chain.start(terminal, "ticks", offered);
    try {
      await pause(tickWarmMs * 4);
      rows.push([`${terminal.name}, whole line`, ...(await flow(chain, ticksMs * 2))]);
      const timer = setInterval(() => chain.line.cut(), cutMs);
      rows.push([`${terminal.name}, cut every ${cutMs / 1000} s`, ...(await flow(chain, ticksMs * 2))]);
      clearInterval(timer);
    } finally {
      await chain.stop();
    }
  }
  const title = `Ticks a second through one link, ${offered.toLocaleString("en")} offered; shares of a core`;
  printTable(title, ["", "ticks/s", "terminal %", "bridge %"], rows);
}

/** Ticks a second for so long, and what the terminal's process and the bridge's have computed, percent of a core. */
async function flow(chain: Chain, ms: number): Promise<readonly number[]> {
  const [began, before, computed] = [performance.now(), await chain.ticks(), chain.computed()];
  await pause(ms);
  const seconds = (performance.now() - began) / 1000;
  const now = chain.computed();
  const shares = [now.terminal - computed.terminal, now.bridge - computed.bridge].map((s) => (100 * s) / seconds);
  return [((await chain.ticks()) - before) / seconds, ...shares];
}

async function cuts(terminals: readonly LinkTerminal[], { throws }: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const terminal of terminals) {
    progress(`link: reconnects, ${terminal.name}`);
    const chain = await Chain.start(terminal, "reconnects", 100);
    try {
      const times: number[] = [];
      for (let n = 0; n < throws; n++) {
        times.push(await chain.reconnects());
        await pause(150);
      }
      rows.push([terminal.name, terminal.pauses.usual, median(times), Math.max(...times)]);
    } finally {
      await chain.stop();
    }
  }
  const title = `From a cut to the next welcome, ${throws} times`;
  printTable(title, ["", "of it the terminal's own pause, ms", "p50 ms", "max ms"], rows);
}

/** An order at a time, and many: from the call to its answer. */
async function orders(terminals: readonly LinkTerminal[], { callsMs }: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const terminal of terminals) {
    progress(`link: orders, ${terminal.name}`);
    const chain = await Chain.start(terminal, "orders", 100);
    try {
      const requests = orderRequests();
      for (const inFlight of [1, 32])
        rows.push([
          `${terminal.name}, ${inFlight} in flight`,
          ...(await calls(chain, requests, inFlight, callsMs * 2)),
        ]);
    } finally {
      await chain.stop();
    }
  }
  const parts = ["call to send p50", "call to send p99", "report to client p50", "report to client p99"];
  const title =
    "Orders over the link, from the call to its answer; of it until the terminal sends, and from its report on.\n" +
    "The Expert Advisor hears of a call when its timer wakes it, every 10 ms, or a tick of its chart's symbol";
  printTable(title, ["", "orders/s", "not filled", "p50 ms", "p99 ms", ...parts], rows);
}

async function calls(
  chain: Chain,
  requests: Generator<Buffer>,
  inFlight: number,
  ms: number,
): Promise<readonly Cell[]> {
  const sender = await chain.call("PlaceOrder");
  const stamps = lastStamps(chain.line);
  const all = new Latencies();
  const going = new Latencies();
  const coming = new Latencies();
  let wrong = 0;
  const began = performance.now();
  const worker = async () => {
    while (performance.now() - began < ms) {
      const asked = now();
      const answer = await sender.send(requests.next().value as Buffer);
      const answered = now();
      all.add(answered - asked);
      if (!isFilled(answer)) wrong++;
      if (inFlight > 1) continue; // whose stamps they are is not certain
      going.add(stamps.sent - asked);
      coming.add(answered - stamps.reported);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  sender.close();
  const { count, p50, p99 } = all.spread;
  const parts = inFlight > 1 ? [] : [going, coming].flatMap(({ spread }) => [spread.p50, spread.p99]);
  return [(count * 1000) / ms, wrong, p50, p99, ...parts];
}

/** Of the newest result on the line, by the clock that all processes of the machine share, ms. */
function lastStamps(line: LinkLine): { readonly sent: number; readonly reported: number } {
  const last = { sent: 0, reported: 0 };
  line.look = (bytes) => {
    const { frame } = fromBinary(ConnectRequestSchema, bytes);
    if (frame.case !== "report" || frame.value.event.case !== "result") return;
    const { stamps } = frame.value.event.value;
    last.sent = Number(stamps?.beforeSendUs ?? 0n) / 1000;
    last.reported = Number(stamps?.reportedUs ?? 0n) / 1000;
  };
  return last;
}

const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
