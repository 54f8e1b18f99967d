/**
 * What the bridge turned away, told to whoever runs it.
 *
 * It is the other side that decides how often something is refused, so lines are rationed: of each kind so many in a
 * minute, and then one that says how many more there were. Nobody fills a disk from outside.
 *
 * Always true: a line names who was refused, by principal or address, and never what he showed.
 */
import type { Principal } from "../contract/principal.ts";
import type { BridgeError } from "../core/errors.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer, Severity } from "../core/ports/observer.ts";
import { probe } from "./authenticate.ts";

/** Warned of is what hints at an attack, or at a client that was set up wrongly. */
// biome-ignore format: a table is read by its columns
const severities = {
  connection: "warn",  // one too many
  tls:        "info",  // no handshake came about
  origin:     "warn",  // a web page that is not on the list
  credential: "warn",  // none, or one that is not good
  permission: "warn",  // a scope that is missing, or its limit
  quota:      "info",  // too often, or too much at once
  size:       "info",  // larger than the limit
  malformed:  "info",  // not what the protocol has
  link:       "warn",  // a terminal that was not let in, or was sent away
  probe:      "info",  // a question of those who need no credential
} as const satisfies Record<string, Severity>;

export type RefusalKind = keyof typeof severities;

const linesOfKind = 10;
const everyMs = 60_000;

export class Refusals {
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #leaving: AbortSignal;
  /** Of this minute, by kind: how many there were. */
  readonly #counts = new Map<RefusalKind, number>();

  /** `leaving`: the sums are told then, at the latest. */
  constructor(clock: Clock, observer: Observer, leaving: AbortSignal) {
    this.#clock = clock;
    this.#observer = observer;
    this.#leaving = leaving;
  }

  note(
    kind: RefusalKind,
    component: string,
    message: string,
    context: Readonly<{ peer: string | undefined }> & Readonly<Record<string, unknown>>,
  ): void {
    const before = this.#counts.get(kind);
    this.#counts.set(kind, (before ?? 0) + 1);
    if (before === undefined && !this.#leaving.aborted) void this.#sumUp(kind);
    if ((before ?? 0) < linesOfKind) this.#observer.note(severities[kind], component, message, { kind, ...context });
  }

  async #sumUp(kind: RefusalKind): Promise<void> {
    await this.#clock.sleep(everyMs, this.#leaving);
    const more = (this.#counts.get(kind) ?? 0) - linesOfKind;
    this.#counts.delete(kind);
    if (more <= 0) return;
    this.#observer.note(severities[kind], "access", "more was refused than is told one by one", { kind, more });
  }
}

/** Whose page it is, without whatever else stands in the header. */
export function shownOrigin(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin.slice(0, 100) : "that was sent";
}

/** Which kind of refusal a failed call is; none, if it was let in and failed by itself. */
export function refusalOf({ fault, metadata }: BridgeError, principal: Principal | undefined): RefusalKind | undefined {
  if (fault === "internal") return undefined;
  if (fault === "permission_denied") return "permission";
  if (fault === "quota_exceeded") return metadata["quota"] === "message_size" ? "size" : "quota";
  if (fault === "unauthenticated" || principal === undefined) return "credential";
  return principal === probe ? "probe" : undefined;
}
