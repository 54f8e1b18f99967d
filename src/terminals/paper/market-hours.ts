/**
 * Whether any symbol can have new prices, and when that has changed.
 *
 * Without sessions the market is open until it ends. With them it is followed from
 * boundary to boundary, so that a weekend is told of even when the next price comes
 * after it.
 */
import type { Instant } from "../../core/model/ids.ts";
import { anyQuoted, nextBoundary } from "./opening-hours.ts";
import type { BrokerSettings } from "./settings.ts";

/** Longer absences are not gone through step by step. */
const STEPS = 64;

export class MarketHours {
  readonly #settings: BrokerSettings;
  #open: boolean | undefined;
  #ended = false;
  /** The next moment at which a session starts or ends. */
  next: Instant | undefined;

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
  }

  end(): void {
    this.#ended = true;
    this.next = undefined;
  }

  /** The states that the market has come through until `now`, without repetition; the first answer is the state itself. */
  changes(now: Instant): readonly boolean[] {
    if (this.#open !== undefined && !this.#ended && (this.next === undefined || now < this.next)) return [];
    const changes: boolean[] = [];
    for (let step = 0; step < STEPS && this.next !== undefined && this.next < now; step++) {
      this.#become(this.#isOpen(this.next), changes);
      this.next = nextBoundary(this.#settings.symbols, this.next);
    }
    this.#become(this.#isOpen(now), changes);
    const followed = this.#settings.sessions && !this.#ended;
    this.next = followed ? nextBoundary(this.#settings.symbols, now) : undefined;
    return changes;
  }

  #isOpen(now: Instant): boolean {
    if (this.#ended) return false;
    return !this.#settings.sessions || anyQuoted(this.#settings.symbols, now);
  }

  #become(open: boolean, changes: boolean[]): void {
    if (open === this.#open) return;
    this.#open = open;
    changes.push(open);
  }
}
