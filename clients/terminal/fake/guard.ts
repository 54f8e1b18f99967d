/**
 * What the terminal's side refuses by itself, whatever the bridge says.
 *
 * The bridge's clock is known as one's own monotonic clock plus the largest difference that
 * this connection has shown: frames that were held up make it late, never early, so no
 * command is carried out after its deadline because of a slow line.
 */
import {
  type Command,
  CommandStatus,
  type Fingerprint,
  type TerminalLimits,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";

/** 0 and none: no limit. */
export interface Limits {
  readonly maxVolume: number;
  readonly ordersPerMinute: number;
  readonly symbols: readonly string[];
}

export interface Refused {
  readonly status: CommandStatus;
  readonly message: string;
}

const MINUTE = 60_000;
const namePattern = /^[A-Za-z0-9_-]{1,32}$/;

export class Guard {
  readonly #account: Fingerprint;
  readonly #own: Limits;
  #limits: Limits;
  #ahead = Number.NEGATIVE_INFINITY;
  /** When the orders of the last minute were given, by the monotonic clock in ms. */
  #orders: number[] = [];

  constructor(account: Fingerprint, own: Limits) {
    this.#account = account;
    this.#own = own;
    this.#limits = own;
  }

  /** A connection begins: what the last one has shown of the bridge's clock no longer counts. */
  begin(limits: TerminalLimits | undefined): void {
    this.#ahead = Number.NEGATIVE_INFINITY;
    const { maxVolume = 0, maxOrdersPerMinute = 0, allowedSymbols = [] } = limits ?? {};
    this.#limits = {
      maxVolume: stricter(this.#own.maxVolume, maxVolume),
      ordersPerMinute: stricter(this.#own.ordersPerMinute, maxOrdersPerMinute),
      symbols: common(this.#own.symbols, allowedSymbols),
    };
  }

  /** The bridge's clock was seen, at a moment of one's own. */
  see(bridgeMs: number, nowMs: number): void {
    this.#ahead = Math.max(this.#ahead, bridgeMs - nowMs);
  }

  /** Why the command is not carried out; undefined when it is, and then its order counts. */
  refuses(command: Command, nowMs: number): Refused | undefined {
    const { action, id } = command;
    if (!namePattern.test(id)) return unsupported(`the id ${JSON.stringify(id.slice(0, 40))} is not one`);
    if (action.case !== "logIn" && !this.#isOurs(command.account)) {
      const { login, server } = this.#account;
      return { status: CommandStatus.WRONG_ACCOUNT, message: `${login}@${server} is logged in, not ${told(command)}` };
    }
    if (action.case === undefined) return unsupported("it asks for what this version does not know");
    const late = this.expired(command, nowMs);
    if (late !== undefined) return late;
    if (action.case !== "submit") return undefined;
    const over = this.#over(action.value.symbol, action.value.volume, nowMs);
    if (over !== undefined) return { status: CommandStatus.OVER_LIMIT, message: over };
    this.#orders.push(nowMs);
    return undefined;
  }

  expired({ deadlineMs }: Command, nowMs: number): Refused | undefined {
    const late = nowMs + this.#ahead - Number(deadlineMs);
    if (late <= 0) return undefined;
    return { status: CommandStatus.EXPIRED, message: `it came ${Math.ceil(late)} ms after its deadline` };
  }

  #isOurs(meant: Fingerprint | undefined): boolean {
    const { login, server, tradeMode } = this.#account;
    return meant?.login === login && meant.server === server && meant.tradeMode === tradeMode;
  }

  #over(symbol: string, volume: number, nowMs: number): string | undefined {
    const { maxVolume, ordersPerMinute, symbols } = this.#limits;
    if (maxVolume > 0 && volume > maxVolume) return `${volume} lots are more than the ${maxVolume} allowed here`;
    if (symbols.length > 0 && !symbols.includes(symbol)) {
      return `${symbol} may not be traded here, only ${symbols.join(", ")}`;
    }
    this.#orders = this.#orders.filter((at) => nowMs - at < MINUTE);
    if (ordersPerMinute === 0 || this.#orders.length < ordersPerMinute) return undefined;
    return `${ordersPerMinute} orders were given in the last 60 s, and no more are allowed here`;
  }
}

const unsupported = (message: string): Refused => ({ status: CommandStatus.UNSUPPORTED, message });
const told = ({ account }: Command) => (account === undefined ? "any" : `${account.login}@${account.server}`);
const stricter = (a: number, b: number) => (a === 0 || b === 0 ? a + b : Math.min(a, b));

/** What both allow. Where they have nothing in common nothing is allowed: a name that no symbol has. */
function common(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0 || b.length === 0) return [...a, ...b];
  const both = a.filter((name) => b.includes(name));
  return both.length === 0 ? [""] : both;
}
