/**
 * What the link to a live terminal carries, and what a cut costs: the fake terminal, a line that can be cut, and the
 * bridge, each a process of its own but the line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConnectRequestSchema } from "../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { startBridge } from "./bridge.ts";
import { Latencies } from "./latencies.ts";
import { LinkLine } from "./link-line.ts";
import { median } from "./median.ts";
import { isFilled, orderRequests } from "./order-requests.ts";
import type { Size } from "./size.ts";
import { printTable, progress } from "./table.ts";
import { type Sender, ways } from "./ways.ts";

const fake = fileURLToPath(new URL("../clients/terminal/fake/main.ts", import.meta.url));
const symbols = "EURUSD,GBPUSD,USDJPY,AUDUSD";
/** The first pause before the fake dials again, ms. */
const retryMs = 50;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A bridge whose terminal is live, the line, and the terminal. */
class Chain {
  readonly line: LinkLine;
  readonly #bridge: Awaited<ReturnType<typeof startBridge>>;
  readonly #terminal: ChildProcess;
  readonly #metrics: string;

  static async start(name: string, rate: number): Promise<Chain> {
    const live = { TERMINAL: "live", TERMINAL_LINK_PORT: "0" };
    const bridge = await startBridge(`link, ${name}`, live);
    const { context } = await bridge.said("ready:");
    const line = await LinkLine.to(Number(String(context["link"]).split(":").at(-1)));
    const money = ["--balance", "1e9", "--margin-mode", "netting", "--symbols", symbols];
    const flags = ["--address", `127.0.0.1:${line.port}`, "--retry-ms", String(retryMs), "--rate", String(rate)];
    const terminal = spawn(process.execPath, [fake, ...money, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
    const chain = new Chain(bridge, line, terminal, `http://${String(context["metrics"]).replace(/^.*\/\//, "")}`);
    await chain.until(async () => (await chain.figure("mt5bridge_ticks_received_total")) > 0);
    return chain;
  }

  private constructor(
    bridge: Awaited<ReturnType<typeof startBridge>>,
    line: LinkLine,
    terminal: ChildProcess,
    metrics: string,
  ) {
    this.#bridge = bridge;
    this.line = line;
    this.#terminal = terminal;
    this.#metrics = metrics;
  }

  call(method: string): Promise<Sender> {
    return ways.grpc(this.#bridge.port, `mt5bridge.v1.OrdersService/${method}`);
  }

  /** The sum of a metric; 0 while it is not there. */
  async figure(name: string): Promise<number> {
    const text = await (await fetch(`${this.#metrics}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async until(done: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 60_000; !(await done()); await pause(20)) {
      if (performance.now() > end) throw new Error("the link has not come about within a minute");
    }
  }

  /** Cuts the line. Resolves with the ms until a terminal is welcome again. */
  async reconnects(): Promise<number> {
    const began = performance.now();
    const welcomed = new Promise<number>((resolve) => {
      this.line.welcomed = () => resolve(performance.now() - began);
    });
    this.line.cut();
    return await welcomed;
  }

  async stop(): Promise<void> {
    const ended = once(this.#terminal, "exit");
    this.#terminal.kill("SIGKILL");
    await ended;
    this.line.close();
    await this.#bridge.stop();
  }
}

export async function benchLink(size: Size): Promise<void> {
  await ticks(size);
  await cuts(size);
  await orders(size);
  await outage(size);
}

/** Ticks a second that reach the bridge, of as many as the fake makes at most. */
async function ticks({ ticksMs, tickWarmMs }: Size): Promise<void> {
  const offered = 100_000;
  progress("link: ticks");
  const chain = await Chain.start("ticks", offered);
  try {
    const rows = [];
    await pause(tickWarmMs * 4);
    for (const cutEvery of [0, 1000]) {
      const before = await chain.figure("mt5bridge_ticks_received_total");
      const began = performance.now();
      const timer = cutEvery === 0 ? undefined : setInterval(() => chain.line.cut(), cutEvery);
      await pause(ticksMs * 2);
      clearInterval(timer);
      const passed = (performance.now() - began) / 1000;
      const rate = ((await chain.figure("mt5bridge_ticks_received_total")) - before) / passed;
      rows.push([cutEvery === 0 ? "whole line" : `cut every ${cutEvery / 1000} s`, rate]);
    }
    printTable(`Ticks a second through one link, ${offered.toLocaleString("en")} offered`, ["", "ticks/s"], rows);
  } finally {
    await chain.stop();
  }
}

async function cuts({ throws }: Size): Promise<void> {
  progress("link: reconnects");
  const chain = await Chain.start("reconnects", 100);
  try {
    const times: number[] = [];
    for (let n = 0; n < throws; n++) {
      times.push(await chain.reconnects());
      await pause(150);
    }
    const title = `From a cut to the next welcome, ${throws} times; of it the terminal's own pause: ${retryMs} ms ± 25 %`;
    printTable(title, ["p50 ms", "max ms"], [[median(times), Math.max(...times)]]);
  } finally {
    await chain.stop();
  }
}

/** An order at a time, and many: from the call to its answer. */
async function orders({ callsMs }: Size): Promise<void> {
  progress("link: orders");
  const chain = await Chain.start("orders", 100);
  try {
    const sender = await chain.call("PlaceOrder");
    const requests = orderRequests();
    const rows = [];
    const stamps = lastStamps(chain.line);
    for (const inFlight of [1, 32]) {
      const all = new Latencies();
      const going = new Latencies();
      const coming = new Latencies();
      let wrong = 0;
      const began = performance.now();
      const worker = async () => {
        while (performance.now() - began < callsMs * 2) {
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
      const { count, p50, p99 } = all.spread;
      const parts = inFlight > 1 ? [] : [going, coming].flatMap(({ spread }) => [spread.p50, spread.p99]);
      rows.push([`${inFlight} in flight`, count / (callsMs / 500), wrong, p50, p99, ...parts]);
    }
    sender.close();
    const parts = ["call to send p50", "p99", "report to client p50", "p99"];
    const title =
      "Orders over the link, from the call to its answer; of it until the terminal sends, and from its report on";
    printTable(title, ["", "orders/s", "not filled", "p50 ms", "p99 ms", ...parts], rows);
  } finally {
    await chain.stop();
  }
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

/** The line is gone for a while in which pending orders are filled: what is missing afterwards, and what came twice. */
async function outage({ quick }: Size): Promise<void> {
  const seconds = quick ? 5 : 60;
  progress(`link: ${seconds} s without a line`);
  const chain = await Chain.start("outage", 2000);
  try {
    const requests = orderRequests();
    const placed = await placeLimits(await chain.call("PlaceOrder"), 150, requests.next().value as Buffer);
    chain.line.open = false;
    chain.line.cut();
    await pause(seconds * 1000);
    const before = await dealsOf(chain);
    chain.line.open = true;
    const began = performance.now();
    await new Promise<void>((resolve) => {
      chain.line.welcomed = resolve;
    });
    const welcome = performance.now() - began;
    await chain.until(async () => (await chain.figure("mt5bridge_link_up")) === 1);
    const recovered = performance.now() - began;
    // Up means: all that was kept for the bridge has come. One more deal: the broker numbers them without a hole, so whatever is missing before it shows.
    const sender = await chain.call("PlaceOrder");
    await price(sender, requests.next().value as Buffer);
    sender.close();
    const tickets = (await dealsOf(chain)).map(Number).toSorted((a, b) => a - b);
    const distinct = new Set(tickets);
    const [first = 0, last = 0] = [tickets[0], tickets.at(-1)];
    const row = [
      placed,
      tickets.length - 1 - before.length,
      last - first + 1 - distinct.size,
      tickets.length - distinct.size,
    ];
    printTable(
      `After ${seconds} s without a line, prices going on: fills of pending orders`,
      ["orders waiting", "filled meanwhile", "lost", "doubled", "welcome ms", "link up ms"],
      [[...row, welcome, recovered]],
    );
  } finally {
    await chain.stop();
  }
}

/** Limit orders a little below and above the market, which fill as it wanders. */
async function placeLimits(sender: Sender, count: number, first: Buffer): Promise<number> {
  const { input, output } = OrdersService.method.placeOrder;
  let placed = 0;
  const market = await price(sender, first);
  const place = async (n: number) => {
    const side = n % 2 === 0 ? OrderSide.BUY : OrderSide.SELL;
    const away = (2 + (n % 20)) * 0.00001;
    const wanted = Math.round((market + (side === OrderSide.BUY ? -away : away)) * 1e5) / 1e5;
    const request = create(input, {
      ...{ clientOrderId: `limit-${n}`, symbol: "EURUSD", side, type: OrderType.LIMIT, volume: 0.01, price: wanted },
    });
    const answer = await sender.send(Buffer.from(toBinary(input, request)));
    const { order } = fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer);
    if (order?.stage === OrderStage.WORKING) placed++;
  };
  await Promise.all(Array.from({ length: count }, (_, n) => place(n)));
  sender.close();
  return placed;
}

/** What a market order deals at. */
async function price(sender: Sender, request: Buffer): Promise<number> {
  const { output } = OrdersService.method.placeOrder;
  const answer = await sender.send(request);
  return fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer).order?.averagePrice ?? 0;
}

/** Tickets of all deals that the bridge knows of. */
async function dealsOf(chain: Chain): Promise<bigint[]> {
  const { input, output } = OrdersService.method.listDeals;
  const sender = await chain.call("ListDeals");
  const tickets: bigint[] = [];
  for (let pageToken = ""; ; ) {
    const request = toBinary(input, create(input, { pageSize: 500, pageToken }));
    const answer = await sender.send(Buffer.from(request));
    const page = fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer);
    tickets.push(...page.deals.map(({ dealTicket }) => dealTicket));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  sender.close();
  return tickets;
}
