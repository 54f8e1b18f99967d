/**
 * Where the link to a terminal stands, for whoever waits for it: whether orders can be sent now,
 * and if not why, as a sentence.
 */
import type { TradeState } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { type LinkEvent, type LinkState, moved } from "./link-state.ts";

export class LinkStanding {
  /** What keeps the terminal from trading, or does not. */
  trade: TradeState | undefined;
  readonly #tell: (up: boolean, why: string) => void;
  #state: LinkState = "down";
  /** Who it is, while it is there, and why it is not. */
  #who = "";
  #why: string;
  /** What was said to a terminal of another account, while this one's is away. */
  #stray = "";
  #said: string | undefined;

  constructor(why: string, tell: (up: boolean, why: string) => void) {
    this.#why = why;
    this.#tell = tell;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why it is not there. */
  get why(): string {
    return this.#why;
  }

  get now(): { readonly up: boolean; readonly why: string } {
    const state = this.#state;
    if (state === "down" || state === "estranged") return { up: false, why: `${this.#why}${this.#stray}` };
    if (state !== "up") return { up: false, why: `${this.#who} has dialed in and is catching up` };
    const obstacles = obstaclesOf(this.trade);
    return { up: this.trade?.connected ?? false, why: [this.#who, ...obstacles].join("; ") };
  }

  dialed(who: string): void {
    this.#stray = "";
    this.#who = who;
    this.move("dialed");
  }

  /** Another account was logged in. */
  estranged(why: string): void {
    this.#why = why;
    this.move("account_changed");
  }

  lost(why: string): void {
    if (this.#state !== "estranged") this.#why = why;
    this.move("lost");
  }

  /** A terminal was turned away whose account is not served: it may be the one that is missed here. */
  strayed(answer: string): void {
    if (this.#state !== "down") return;
    this.#stray = `; a terminal with another account has dialed in, and was told: ${answer}`;
    this.say();
  }

  move(event: LinkEvent): void {
    const state = moved(this.#state, event);
    if (state === undefined) return; // it came too late: the link has gone on
    this.#state = state;
    this.say();
  }

  /** Tells how the link stands, if that has changed; not every step on the way up. */
  say(): void {
    if (this.#state === "greeting" || this.#state === "catching_up") return;
    const { up, why } = this.now;
    const said = `${up} ${why}`;
    if (said === this.#said) return;
    this.#said = said;
    this.#tell(up, why);
  }
}

/** What keeps the terminal from trading, as sentences. */
function obstaclesOf(trade: TradeState | undefined): string[] {
  const { connected = false, algoAllowed = false, accountAllowed = false, expertAllowed = false } = trade ?? {};
  if (!connected) return ["the terminal is not connected to the broker"];
  return [
    ...(algoAllowed ? [] : ["algorithmic trading is off in the terminal, which refuses orders (10027)"]),
    ...(accountAllowed ? [] : ["the account may not trade: it is read-only, or disabled by the broker"]),
    ...(expertAllowed ? [] : ["the broker lets no program trade this account (10026)"]),
  ];
}
