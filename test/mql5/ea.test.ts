import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { CommandStatus, type Report } from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgePart, ourMagic } from "./bridge-part.ts";
import { eaCanBeBuilt, eaHarness } from "./ea.ts";

const market = { action: 1, symbol: "EURUSD", volume: 0.1, type: 0, typeFilling: 1, magic: ourMagic } as const;
const buy = (comment = "") => ({ case: "submit", value: { ...market, comment } }) as const;
const pending = { ...market, action: 5, type: 2, typeFilling: 2, price: 1.05 };
const isDeal = ({ event }: Report) => event.case === "deal";

describe.skipIf(!eaCanBeBuilt)("the Expert Advisor on its harness", { timeout: 60_000 }, () => {
  let harness = "";
  let bridge: BridgePart;
  beforeAll(() => {
    harness = eaHarness(true);
  }, 300_000);
  afterEach(async () => {
    await bridge.close();
    expect(bridge.said).not.toMatch(/critical error|Sanitizer|runtime error/);
  });
  const started = async (env: Record<string, string> = {}): Promise<void> => {
    bridge = await BridgePart.listen(harness);
    bridge.start(env);
  };
  const linked = async (env: Record<string, string> = {}): Promise<void> => {
    await started(env);
    await bridge.link();
  };

  const times = (step: string, count: number) => Array.from({ length: count }, (_, at) => `${step}:${at + 1}`);
  const steps = [
    ...times("read", 3),
    ...times("before-flush", 4),
    ...times("after-flush", 4),
    ...times("before-order", 1),
    ...times("after-order", 1),
    ...times("before-answer", 1),
    ...times("after-answer", 1),
    ...times("send", 6),
    ...times("sent", 6),
  ];
  it.each(steps)("executes a command once though it is killed at %s", async (step) => {
    await started({ TERMINAL_DIE: step });
    const first = await bridge.hello();
    if (first !== undefined) {
      bridge.welcome(first);
      bridge.command("order-1", buy());
      // It may live on past all of this; its end is then no part of the case.
      await bridge.result("order-1");
      await bridge.snapshot().catch(() => undefined);
    }
    bridge.stop();
    await bridge.ended();
    bridge.start();
    const second = await bridge.link();
    // What was not taken is sent again, what was taken is not.
    if (second.lastSeen === 0n) bridge.command("order-1", buy());
    const told = bridge.reports.find(({ event }) => event.case === "result" && event.value.id === "order-1");
    const result = told?.event.case === "result" ? told.event.value : await bridge.result("order-1");
    const { deals, positions } = await bridge.snapshot();
    expect(positions).toBe(deals);
    if (result?.status === CommandStatus.ANSWERED) expect([result.retcode, deals]).toEqual([10009, 1]);
    else expect([result?.status, deals <= 1]).toEqual([CommandStatus.INTERRUPTED, true]);
  });

  it("streams every tick once, several of a millisecond too, through cut cables", async () => {
    await linked({ TERMINAL_TICK_RATE: "0" });
    bridge.command("s", { case: "subscribe", value: { symbols: ["EURUSD", "GBPUSD"] } });
    await bridge.result("s");
    let wanted = 0;
    for (let round = 1; round <= 20; round++) {
      bridge.tell(`price EURUSD ${1 + round / 100} ${1 + round / 100 + 0.0001} ${100 * round}`);
      bridge.tell(`price GBPUSD ${2 + round / 100} ${2 + round / 100 + 0.0001} 3`);
      wanted += 100 * round + 3;
      if (round % 5 === 0) {
        bridge.cut();
        await bridge.link();
      }
    }
    const bids: number[] = [];
    let count = 0;
    while (count < wanted) {
      const report = await bridge.report(({ event }) => event.case === "ticks");
      if (report?.event.case !== "ticks") throw new Error("the connection ended");
      const { symbols, symbol, bid } = report.event.value;
      count += bid.length;
      bid.forEach((value, at) => {
        if (symbols[symbol[at] ?? -1] === "EURUSD") bids.push(Math.round(value * 100) - 100);
      });
    }
    expect(count).toBe(wanted);
    expect(bids).toEqual(Array.from({ length: 20 }, (_, at) => Array(100 * (at + 1)).fill(at + 1)).flat());
  });

  it("streams prices that wander, a point at a time", async () => {
    await linked({ TERMINAL_TICK_RATE: "2000", TERMINAL_WANDER: "1", TERMINAL_SYMBOLS: "EURUSD" });
    bridge.command("s", { case: "subscribe", value: { symbols: ["EURUSD"] } });
    await bridge.result("s");
    const bids: number[] = [];
    while (bids.length < 2000) {
      const report = await bridge.report(({ event }) => event.case === "ticks");
      if (report?.event.case !== "ticks") throw new Error("the connection ended");
      bids.push(...report.event.value.bid);
    }
    const steps = bids.slice(1).map((bid, at) => Math.round((bid - (bids[at] as number)) * 1e5));
    expect(new Set(steps)).toEqual(new Set([-1, 1]));
  });

  it("tells each order, deal and position once, whatever transactions come in whatever order", async () => {
    await linked({ TERMINAL_SEED: "7", TERMINAL_HISTORY_LAG_MS: "150" });
    for (let at = 0; at < 30; at++) bridge.command(`o${at}`, buy());
    for (let at = 0; at < 30; at++) await bridge.result(`o${at}`);
    const deals = () => bridge.reports.filter(isDeal).map(({ event }) => (event.value as { ticket: bigint }).ticket);
    while (deals().length < 30) await bridge.report(isDeal);
    await bridge.snapshot();
    expect(new Set(deals()).size).toBe(deals().length);
    const positions = bridge.reports.filter(({ event }) => event.case === "position");
    expect(positions).toHaveLength(30);
  });

  it.each([
    ["1", "0", "netting"],
    ["2", "0", "hedging"],
    ["3", "5", "netting"],
  ])(
    "follows a hint at once, and tells of no order before its deals: seed %s, history %s ms behind, %s",
    async (seed, lag, mode) => {
      const late = lag !== "0";
      // No look of its own comes between: what is told at once is told because of the hint.
      const timer = late ? "10" : "1000";
      await linked({
        ...{ TERMINAL_SEED: seed, TERMINAL_HISTORY_LAG_MS: lag, TERMINAL_TICK_RATE: "0" },
        ...{ TERMINAL_MARGIN_MODE: mode === "netting" ? "0" : "2", INPUT_TimerMilliseconds: timer },
      });
      const orders = 40;
      for (let at = 0; at < orders; at++) bridge.command(`o${at}`, buy());
      for (let filled = 0; filled < orders; ) {
        const report = await bridge.report(({ event }) => event.case === "order" && event.value.past);
        if (report?.event.case !== "order") throw new Error("the connection ended");
        filled += 1;
        const { ticket } = report.event.value;
        const ofIt = bridge.reports.filter(
          ({ event }) =>
            (event.case === "transaction" && event.value.order === ticket) ||
            (event.case === "deal" && event.value.order === ticket),
        );
        const told = ofIt.map(({ event }) => event.case);
        expect(told, `order ${ticket}`).toContain("deal");
        if (!late) expect(told, `order ${ticket}`).toEqual(["transaction", "deal"]);
        if (mode !== "hedging") continue;
        const next = await bridge.report(() => true);
        expect(next?.event, `behind order ${ticket}`).toMatchObject({ case: "position", value: { ticket } });
      }
    },
  );

  it("tells of what a person trades by hand", async () => {
    await linked();
    bridge.tell("by-hand GBPUSD 0.2");
    const report = await bridge.report(isDeal);
    expect(report?.event.value).toMatchObject({ symbol: "GBPUSD", volume: 0.2, magic: 0n });
  });

  it("calls a snapshot complete only when nothing it has sent can still arrive", async () => {
    await linked({ TERMINAL_PATIENCE_MS: "1000" });
    bridge.command("o", buy("#silent"));
    bridge.command("early", { case: "snapshot", value: {} });
    const started = performance.now();
    expect((await bridge.result("o"))?.status).toBe(CommandStatus.UNANSWERED);
    const early = await bridge.result("early");
    expect(early?.answer).toMatchObject({ case: "snapshot", value: { complete: true } });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it("calls no snapshot complete while the terminal is not connected", async () => {
    await linked();
    bridge.tell("connected 0");
    await bridge.report(({ event }) => event.case === "trade" && !event.value.connected);
    bridge.command("s", { case: "snapshot", value: {} });
    expect((await bridge.result("s"))?.answer).toMatchObject({ case: "snapshot", value: { complete: false } });
  });

  it.each([
    ["#retcode=12345", 12345],
    ["#requote", 10004],
    ["#partial=0.03", 10010],
  ])("hands on what the broker answers to %s", async (comment, retcode) => {
    await linked();
    bridge.command("o", buy(comment));
    expect(await bridge.result("o")).toMatchObject({ status: CommandStatus.ANSWERED, retcode });
  });

  it("says what the terminal itself refused, and that it was not sent", async () => {
    await linked();
    bridge.tell("algo 0");
    await bridge.report(({ event }) => event.case === "trade" && !event.value.algoAllowed);
    bridge.command("o", buy());
    expect(await bridge.result("o")).toMatchObject({ status: CommandStatus.NOT_SENT, retcode: 10027, lastError: 4756 });
  });

  it("trades nothing for another account than the one that is meant, and says when it changes", async () => {
    await linked();
    await bridge.report(({ event }) => event.case === "trade");
    bridge.tell("account 2000002 Broker-Demo 0");
    const changed = await bridge.report(({ event }) => event.case === "accountChanged");
    expect(changed?.event.value).toMatchObject({ login: 2000002n, server: "Broker-Demo" });
    const hello = await bridge.link();
    expect(hello.account?.fingerprint?.login).toBe(2000002n);
    expect([hello.bridgeEpoch, hello.lastSeen, hello.oldestReport]).toEqual([0n, 0n, 1n]);
    bridge.command("o", buy());
    expect((await bridge.result("o"))?.status).toBe(CommandStatus.WRONG_ACCOUNT);
  });

  it.each([
    ["1", { orders: 0, positions: 1 }],
    ["2", { orders: 0, positions: 0 }],
  ])("with the dead man's switch at %s leaves %o of the bridge's own", async (policy, left) => {
    await linked({ INPUT_DeadManPolicy: policy, TERMINAL_DEAD_MAN_SECONDS: "1", INPUT_FirstPauseMilliseconds: "2500" });
    bridge.command("o", buy());
    bridge.command("p", { case: "submit", value: pending });
    await bridge.result("o");
    await bridge.result("p");
    bridge.tell("by-hand EURUSD 0.2");
    await bridge.report((report) => isDeal(report) && (report.event.value as { magic: bigint }).magic === 0n);
    bridge.cut();
    await bridge.link();
    const { orders, positions } = await bridge.snapshot();
    expect({ orders, positions: positions - 1 }).toEqual(left);
  });

  it("tells in parts what does not fit in one frame", async () => {
    await linked({ TERMINAL_LATENCY_MS: "0" });
    for (let from = 0; from < 1200; from += 100) {
      for (let at = from; at < from + 100; at++) bridge.command(`p${at}`, { case: "submit", value: pending });
      for (let at = from; at < from + 100; at++) await bridge.result(`p${at}`);
    }
    expect(await bridge.snapshot()).toMatchObject({ orders: 1200, deals: 0 });
  });

  it("remembers ids of commands through many of them and a restart", async () => {
    await linked();
    bridge.command("first", buy());
    await bridge.result("first");
    for (let at = 0; at < 8000; at++) bridge.command(`n${at}`, { case: "logIn", value: {} });
    await bridge.result("n7999");
    bridge.stop();
    await bridge.ended();
    bridge.start();
    expect((await bridge.link()).lastSeen).toBe(8001n);
    bridge.command("first", buy());
    expect(await bridge.result("first")).toMatchObject({ status: CommandStatus.ANSWERED, retcode: 10009 });
    expect((await bridge.snapshot()).deals).toBe(1);
  });

  it("does not stay away from a line that is cut again and again", async () => {
    await linked({ TERMINAL_RETRY_MS: "1600" });
    // Pauses that doubled with each cut would add up to more than a minute, which is the most that this test may take.
    for (let cut = 0; cut < 6; cut++) {
      bridge.command(`o${cut}`, buy());
      await bridge.result(`o${cut}`);
      bridge.cut();
      await bridge.link();
    }
    expect((await bridge.snapshot()).deals).toBe(6);
  });

  it("is gone within the terminal's 2.5 s", async () => {
    await linked();
    bridge.stop("SIGTERM");
    expect(await bridge.ended()).toEqual({ code: 0, signal: null });
  });

  it.each([
    [{ INPUT_TimerMilliseconds: "0" }, "TimerMilliseconds must be 1 to 1000, and is 0"],
    [{ INPUT_BridgeAddress: "nowhere" }, "BridgeAddress must be host:port with a port of 1 to 65535"],
    [{ INPUT_MaxVolume: "-1" }, "MaxVolume must not be negative"],
  ])("does not start with %o", async (env, why) => {
    await started(env);
    expect((await bridge.ended()).code).toBe(2);
    expect(bridge.said).toBe(`mt5-bridge: ${why}\n`);
  });
});
