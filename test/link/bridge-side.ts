/** The bridge's side of the link as it runs in the bridge: TCP port, door, live terminal. What the core asks is a script's. */
import { BridgeError } from "../../src/core/errors.ts";
import { lots, price } from "../../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type ClientOrderId,
  type Instant,
  magicOf,
  type OrderNumber,
  type StrategyId,
  ticket,
} from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderRequest } from "../../src/core/model/order.ts";
import type { Approved } from "../../src/core/orders/risk.ts";
import type { TerminalReport } from "../../src/core/ports/terminal.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { Door } from "../../src/terminals/live/door.ts";
import type { Entry } from "../../src/terminals/live/roster.ts";
import { LiveTerminal } from "../../src/terminals/live/terminal.ts";
import { type LinkPort, serveLinks } from "../../src/transport/link/server.ts";
import { Refusals } from "../../src/transport/refusals.ts";
import { Notes } from "../terminals/paper/scripted.ts";
import type { Json } from "./match.ts";

type Fields = { [name: string]: Json };

const never = new AbortController().signal;

export interface Rules {
  /** The only token that is good; none: none is asked for. */
  readonly token?: string | undefined;
  readonly realAllowed?: boolean;
  readonly accounts?: readonly string[];
}

export class BridgeSide {
  told: (report: Json) => void = () => undefined;
  readonly notes = new Notes();
  readonly #clock = machineClock();
  readonly #terminals = new Map<string, LiveTerminal>();
  readonly #life = new AbortController();
  readonly #door: Door;
  #port: LinkPort | undefined;
  #calls = 0;
  #lives = 4n;

  constructor({ token, realAllowed = false, accounts = [] }: Rules) {
    this.#door = new Door({
      roster: { realAllowed, entries: accounts.map(entryOf) },
      admit: async (_peer, secret) => {
        if (token !== undefined && secret !== token) throw new Error("The token is not known here.");
        return { name: "script", mayServe: () => true, ended: never };
      },
      terminalOf: (account) => this.#terminalOf(account),
      refused: () => undefined,
      ...{ clock: this.#clock, observer: this.notes },
    });
  }

  async open(): Promise<void> {
    const refusals = new Refusals(this.#clock, this.notes, this.#life.signal);
    const take = (carrier: Parameters<Door["accept"]>[0]) => this.#door.accept(carrier);
    this.#port = await serveLinks({ host: "127.0.0.1", port: 0, maxConnections: 20, refusals, take });
  }

  async close(): Promise<void> {
    this.#life.abort();
    await this.#door.close();
    await this.#port?.close();
  }

  get port(): number {
    return this.#port?.port ?? 0;
  }

  /** The account and its symbols are known. */
  get known(): boolean {
    return this.#terminal !== undefined && this.#knows;
  }

  #knows = false;

  get linked(): boolean {
    const state = this.#terminal?.figures.state;
    return state !== undefined && state !== "down";
  }

  get up(): boolean {
    return this.#terminal?.figures.state === "up";
  }

  /** What the core asks, and what came of it. Never rejects. */
  async call(what: string, asked: Fields): Promise<Json> {
    try {
      return plain(await this.#ask(what, asked));
    } catch (error) {
      if (error instanceof BridgeError) return { fault: error.fault, message: error.message };
      throw error;
    }
  }

  get #terminal(): LiveTerminal | undefined {
    return [...this.#terminals.values()][0];
  }

  async #ask(what: string, asked: Fields): Promise<unknown> {
    const terminal = this.#terminal;
    if (terminal === undefined) throw new BridgeError("terminal_offline", "no terminal was ever seen");
    const number = ticket(Number(asked["ticket"] ?? 0));
    switch (what) {
      case "submit":
        return await terminal.submit(this.#order(asked), never);
      case "cancel":
        return await terminal.cancel(number, never);
      case "modify":
        return await terminal.modify(number, { price: price(Number(asked["price"]), 5), timeInForce: "gtc" }, never);
      case "stops":
        return await terminal.modifyPosition(number, { stopLoss: price(Number(asked["stopLoss"]), 5) }, never);
      case "check":
        return await terminal.check(this.#order(asked).request, never);
      case "snapshot":
        return await terminal.snapshot(0 as Instant, never);
      default:
        throw new Error(`${what} is nothing that the core asks`);
    }
  }

  #order(asked: Fields): Approved<NumberedOrder> {
    this.#calls++;
    const number = this.#calls as OrderNumber;
    const limit = asked["price"] === undefined ? {} : { price: price(Number(asked["price"]), 5) };
    const request: OrderRequest = {
      ...{ account: "1000001" as AccountAlias, clientOrderId: `c-${number}` as ClientOrderId, symbol: "EURUSD" },
      ...{ strategyId: 1 as StrategyId, side: "buy", type: "market", volume: lots(0.1), filling: "auto" },
      ...{ timeInForce: "gtc", deviation: 0, comment: "" },
      ...(asked as Partial<OrderRequest>),
      ...limit,
    };
    return { number, magic: magicOf(1 as StrategyId, number), request } as Approved<NumberedOrder>; // the script's risk
  }

  #terminalOf({ alias, login, server }: Entry): LiveTerminal {
    const there = this.#terminals.get(alias);
    if (there !== undefined) return there;
    const terminal = new LiveTerminal({
      ...{ alias: alias as AccountAlias, login, server, software: "mt5-bridge test", advice: () => "" },
      ...{ life: 4n, nextLife: async () => ++this.#lives, within: 5000 },
      limits: { maxVolume: 5, maxOrdersPerMinute: 100, allowedSymbols: [] },
      ...{ clock: this.#clock, stopwatch: () => performance.now(), observer: this.notes },
      ...{ remember: () => undefined, names: { prefix: "", suffix: "", table: new Map() }, streamed: [] },
    });
    this.#terminals.set(alias, terminal);
    void terminal.known.then(() => {
      this.#knows = true;
    });
    void this.#follow(terminal);
    return terminal;
  }

  async #follow(terminal: LiveTerminal): Promise<void> {
    for await (const report of terminal.reports(this.#life.signal)) this.told(plain(shown(report)));
  }
}

function entryOf(text: string) {
  const [, alias = "", login = "0", server = ""] = /^(.+)=(\d+)@(.+)$/.exec(text) ?? [];
  return { alias, login: BigInt(login), server };
}

const shown = (report: TerminalReport): unknown =>
  report.type === "ticks" ? { ...report, ticks: [...report.ticks] } : report;

/** As JSON has it: large numbers as text. */
const plain = (value: unknown): Json =>
  JSON.parse(JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each))) as Json;
