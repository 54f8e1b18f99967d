/** The bridge's end of the link as the bridge has it: a live terminal behind the door that terminals come in by. */
import { BridgeError } from "../../src/core/errors.ts";
import type { AccountInfo } from "../../src/core/model/account.ts";
import type { BrokerTime, Instant, Ticket } from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../src/core/model/order.ts";
import type { SymbolSpec } from "../../src/core/model/symbol.ts";
import type { Approved } from "../../src/core/orders/risk.ts";
import type { LinkCarrier } from "../../src/core/ports/link.ts";
import type { Outcome, TerminalPort } from "../../src/core/ports/terminal.ts";
import { Door } from "../../src/terminals/live/door.ts";
import { type Known, knownFrom, textOfKnown } from "../../src/terminals/live/known.ts";
import { LiveTerminal } from "../../src/terminals/live/terminal.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A command that would begin later than in so many ms is not carried out. */
export const within = 800;
const never = new AbortController().signal;

/** What outlives the bridge: the file in which it keeps what it knows of the terminal. */
export class Memory {
  text: string | undefined;

  get known(): Known | undefined {
    return this.text === undefined ? undefined : knownFrom(this.text);
  }
}

export class LiveEnd implements TerminalPort {
  readonly submitted: { readonly order: NumberedOrder; readonly at: number }[] = [];
  /** What may never be. */
  readonly wrong: string[] = [];
  readonly #world: World;
  readonly #terminal: LiveTerminal;
  readonly #door: Door;

  constructor(world: World, process: Process, life: number, info: AccountInfo, memory: Memory) {
    const { login, server, alias } = info;
    const clock = world.clockOf(process);
    const observer = {
      note: (severity: string, component: string, message: string, context?: Readonly<Record<string, unknown>>) =>
        world.note(`${severity} ${component}: ${message}`, 0, () => String(context?.["error"] ?? "")),
    };
    this.#world = world;
    // Lives of the bridge lie far apart: a life that has to begin anew before the next takes one between.
    let newest = BigInt(life) * 1000n;
    this.#terminal = new LiveTerminal({
      ...{
        alias,
        login,
        server,
        account: "the account",
        advice: () => "",
        software: "simulated",
        life: newest,
        within,
      },
      nextLife: async () => ++newest,
      limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] },
      ...{ clock, stopwatch: () => world.now, observer },
      known: memory.known,
      remember: (known) => {
        if (process.alive) memory.text = textOfKnown(known);
      },
      ...{ names: { prefix: "", suffix: "", table: new Map() }, streamed: [] },
    });
    this.#door = new Door({
      roster: { entries: [], realAllowed: false },
      admit: async () => ({ name: "simulated", mayServe: () => true, ended: never }),
      terminalOf: () => this.#terminal,
      ...{ refused: () => undefined, clock, observer },
    });
  }

  get account(): AccountInfo {
    return this.#terminal.account;
  }

  brokerTime(at: Instant): BrokerTime {
    return this.#terminal.brokerTime(at);
  }

  get symbols(): readonly SymbolSpec[] {
    return this.#terminal.symbols;
  }

  get up(): boolean {
    return this.#terminal.figures.state === "up";
  }

  /** A terminal dials in. */
  accept(carrier: LinkCarrier): void {
    void this.#door.accept(carrier);
  }

  submit(order: Approved<NumberedOrder>, signal: AbortSignal) {
    this.submitted.push({ order, at: this.#world.now });
    return this.#atOnce(`order ${order.number}`, this.#terminal.submit(order, signal));
  }

  modify(order: Ticket, change: OrderChange, signal: AbortSignal) {
    return this.#atOnce(`a change of ${order}`, this.#terminal.modify(order, change, signal));
  }

  cancel(order: Ticket, signal: AbortSignal) {
    return this.#atOnce(`a cancel of ${order}`, this.#terminal.cancel(order, signal));
  }

  modifyPosition(position: Ticket, stops: Stops, signal: AbortSignal) {
    return this.#atOnce(`a change of ${position}`, this.#terminal.modifyPosition(position, stops, signal));
  }

  check(order: OrderRequest, signal: AbortSignal) {
    return this.#terminal.check(order, signal);
  }

  async snapshot(since: Instant, signal: AbortSignal = never) {
    if (!this.up) throw new BridgeError("terminal_offline", "there is no link");
    return await this.#terminal.snapshot(since, signal);
  }

  reports(signal: AbortSignal) {
    return this.#terminal.reports(signal);
  }

  /** While there is no link nothing waits for one: it is refused before anything else happens. */
  #atOnce(what: string, outcome: Promise<Outcome>): Promise<Outcome> {
    if (this.up) return outcome;
    let refused = false;
    outcome.then(
      ({ kind }) => {
        refused = kind === "refused";
      },
      (error: unknown) => {
        refused = error instanceof BridgeError && error.fault === "terminal_offline";
      },
    );
    this.#world.after(0, this.#world.outside, () => {
      if (!refused) this.wrong.push(`${what} was asked for without a link, and not refused at once`);
    });
    return outcome;
  }
}
