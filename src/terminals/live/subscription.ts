/**
 * Which ticks the terminal streams: asked for once in the life of its side, and again from
 * where they stopped when some were lost.
 *
 * While it is being asked for nothing is taken, and nothing is lost either: it begins before
 * the last tick that came.
 */
import { create } from "@bufbuild/protobuf";
import { CommandStatus, SubscribeSymbolsSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { BrokerZone } from "./broker-zone.ts";
import type { Catalog } from "./catalog.ts";
import { unanswered } from "./commands.ts";
import type { Ask } from "./link.ts";

/** Symbols that are streamed, at most: what one subscription holds. */
const most = 1000;
/** How far back (ms) a stream is taken up again. */
const furthest = 86_400_000;

export interface SubscriptionParts {
  readonly zone: BrokerZone;
  readonly clock: Clock;
  /** Our names of what is streamed; none: all. */
  readonly streamed: readonly string[];
  /** Takes what people should know. */
  readonly tell: (message: string) => void;
}

export class Subscription {
  readonly #parts: SubscriptionParts;
  #state: "missing" | "asked" | "whole" = "missing";
  /** More is wanted than what was asked for. */
  #isShort = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  /** Every tick comes. */
  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** Ticks were forgotten on the way; those that a subscription is just bringing again are not missed. */
  lost(): void {
    if (this.#state === "whole") this.#state = "missing";
  }

  /** Symbols have come. */
  widen(): void {
    this.#isShort = this.#state === "asked";
    this.lost();
  }

  /** Asks for all that is wanted, unless somebody is asking. */
  async renew({ symbols, names, ticks }: Catalog, ask: Ask): Promise<void> {
    if (this.#state === "asked") return;
    this.#state = "asked";
    this.#isShort = false;
    const { zone, clock, streamed, tell } = this.#parts;
    const meant = streamed.length === 0 ? symbols.map(({ name }) => name) : streamed;
    if (meant.length > most) tell(`only the first ${most} of ${meant.length} symbols are streamed`);
    const brokers = meant.slice(0, most).map((ours) => names.brokers(ours));
    const afterMs = ticks.begin(brokers, zone.toBroker(clock.now()) - furthest);
    const value = create(SubscribeSymbolsSchema, { symbols: brokers, afterMs });
    try {
      const { result } = await ask({ case: "subscribe", value }, ({ status, answer }) => {
        if (status !== CommandStatus.ANSWERED) return;
        ticks.begun();
        this.#state = this.#isShort ? "missing" : "whole";
        if (answer.case !== "refused") return;
        const { symbols: refused, messages } = answer.value;
        for (const [i, name] of refused.entries()) tell(`${name} is not streamed: ${messages[i] ?? ""}`);
      });
      if (result.status !== CommandStatus.ANSWERED) throw unanswered("no ticks were subscribed to", result.message);
    } catch (error) {
      this.#state = "missing";
      throw error;
    }
  }
}
