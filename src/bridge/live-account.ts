/**
 * One live account: its terminal's side of the bridge, and what is kept of it in a folder of its own.
 *
 * Always true: no two lives of the bridge have the same number for an account, and a later one has a greater; it is on
 * disk before a terminal hears of it. By the clock, too, so that a folder that was lost does not begin again at 1.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pkg from "../../package.json" with { type: "json" };
import type { ControlRecord } from "../core/control/control-record.ts";
import type { Valuation } from "../core/model/account.ts";
import type { AccountAlias } from "../core/model/ids.ts";
import { type Known, knownFrom, textOfKnown } from "../terminals/live/known.ts";
import { LiveTerminal } from "../terminals/live/terminal.ts";
import type { Ground } from "./ground.ts";
import { keepText, keptText } from "./kept-text.ts";
import { keepWorth, keptWorth } from "./kept-worth.ts";
import type { Plan, Terminal } from "./standing-account.ts";

/** How often what the account is worth is kept, ms. */
const worthEvery = 10_000;

/** Which account, where it is kept, and what to do about a terminal that has not come. */
export interface Who {
  readonly alias: string;
  readonly login: bigint;
  readonly server: string;
  readonly folder: string;
  readonly advice: () => string;
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

export class LiveAccount implements Plan {
  readonly alias: string;
  readonly folder: string;
  readonly space: string;
  readonly live: LiveTerminal;
  /** Whether it has been brought up, or is being. */
  standing: Promise<void> | undefined;
  readonly #ground: Ground;
  readonly #why: string;
  readonly #control: ControlRecord;

  /** What an earlier run has kept of it; undefined: nothing that can be read. */
  static known(folder: string): Known | undefined {
    return knownFrom(keptText(join(folder, "terminal.json")) ?? "");
  }

  constructor({ alias, login, server, folder, advice }: Who, ground: Ground, control: ControlRecord) {
    mkdirSync(folder, { recursive: true });
    const { config, clock, log, watch } = ground;
    this.alias = alias;
    this.folder = folder;
    this.space = `live-${/^[a-z0-9]{1,32}$/.test(alias) ? alias : hashOf(alias)}`;
    this.#ground = ground;
    this.#control = control;
    this.#why = `no terminal has dialed in yet: ${advice()}`;
    this.live = new LiveTerminal({
      alias: alias as AccountAlias,
      ...{ login, server, advice },
      known: LiveAccount.known(folder),
      remember: (known) => this.#remember(known),
      life: this.#nextLife(),
      nextLife: async () => this.#nextLife(),
      software: `mt5-bridge ${pkg.version}`,
      // The bridge's own limits are held by the bridge, which knows what only reduces a risk.
      limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] },
      ...{ names: config.live.names, streamed: config.live.symbols, within: config.live.timeoutMs },
      ...{ clock, observer: log, stopwatch: () => watch.now() },
    });
  }

  get symbols() {
    return this.live.symbols;
  }

  get apart() {
    return { why: this.#why, valuation: keptWorth(this.folder) };
  }

  /** The links of all accounts end together, before the accounts do. */
  async terminal(): Promise<Terminal> {
    return Object.assign(this.live, { close: () => Promise.resolve() });
  }

  async control(): Promise<ControlRecord> {
    return this.#control;
  }

  /** Again and again until `signal` aborts, and then once more. */
  async keepWorth(worth: () => Valuation, signal: AbortSignal): Promise<void> {
    let kept = worth().time;
    for (let isOver = false; !isOver; ) {
      await this.#ground.clock.sleep(worthEvery, signal);
      isOver = signal.aborted;
      if (worth().time === kept) continue;
      kept = worth().time;
      this.#keep("what the account is worth", () => keepWorth(this.folder, worth()));
    }
  }

  #nextLife(): bigint {
    const path = join(this.folder, "life");
    const before = keptText(path) ?? "0";
    const least = /^\d{1,19}$/.test(before.trim()) ? BigInt(before) + 1n : 1n;
    const now = BigInt(this.#ground.clock.now());
    const life = now > least ? now : least;
    keepText(path, `${life}\n`);
    return life;
  }

  #remember(known: Known): void {
    const path = join(this.folder, "terminal.json");
    this.#keep("what the terminal has told of itself", () => keepText(path, textOfKnown(known)));
  }

  /** What cannot be kept is told again by the terminal after the next start. */
  #keep(what: string, keep: () => void): void {
    try {
      keep();
    } catch (error) {
      this.#ground.log.note("warn", "terminal", `${what} could not be kept`, { account: this.alias, error });
    }
  }
}
