/**
 * The terminal's end of the link, with the broker behind it: what is asked is passed to the
 * broker, what happens there is reported, and the records are shown on request.
 */
import type { Instant, Ticket } from "../../src/core/model/ids.ts";
import type { AccountSnapshot, Outcome, TerminalReport } from "../../src/core/ports/terminal.ts";
import type { LedgerEvent } from "../../src/terminals/paper/books.ts";
import type { Broker } from "./broker.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import { beatEvery, type Command, type DownFrame, Heard, type Question, type Reply, type UpFrame } from "./frames.ts";
import type { World } from "./world.ts";

/** How a command fares at the broker, unlike others. */
export type Mood =
  /** Refused with the code. */
  | { readonly kind: "refuse"; readonly retcode: number }
  /** Answered with the code, and executed all the same: so many milliseconds later, or never. */
  | { readonly kind: "unclear"; readonly retcode: number; readonly executed: number | undefined }
  /** No answer and no report; executed or not. */
  | { readonly kind: "silent"; readonly executed: boolean }
  /** The answer takes so many milliseconds longer. */
  | { readonly kind: "slow"; readonly ms: number };

/** What the history does not show yet. */
export interface Lag {
  readonly until: number;
  /** Milliseconds. */
  readonly hides: number;
  readonly what: "orders" | "deals" | "both";
}

type DownContent = DownFrame extends infer F ? (F extends DownFrame ? Omit<F, "session" | "place"> : never) : never;

export class Site {
  readonly broker: Broker;
  /** Every command that came, as they came. */
  readonly passed: Command[] = [];
  /** Those that the broker carried out. */
  readonly done: Command[] = [];
  /** How the next commands fare; all others as usual. */
  readonly moods: Mood[] = [];
  /** How the next changes fare, before the moods of all commands. */
  readonly moodsOfChanges: Mood[] = [];
  lag: Lag | undefined;
  /** Until then the reports of one happening come in any order, some of them twice. */
  disorderUntil = 0;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #positionsLate: number;
  readonly #send: (frame: DownFrame) => void;
  #session = 0;
  #newest = 0;
  #place = 0;
  #heard = new Heard(0);
  #known = new Set<number>();
  /** What was asked before this, and has not come, comes too late. */
  #fence = 0;
  /** Commands that the broker has and has not dealt with. */
  #underWay = 0;
  /** When orders that ended and deals were recorded. */
  readonly #ended = new Map<Ticket, number>();
  readonly #dealt = new Map<Ticket, number>();

  /** `positionsLate`: positions are looked at so many milliseconds after something has happened. */
  constructor(
    world: World,
    broker: Broker,
    dice: Dice,
    counts: Counts,
    positionsLate: number,
    send: (frame: DownFrame) => void,
  ) {
    this.#world = world;
    this.broker = broker;
    this.#dice = dice;
    this.#counts = counts;
    this.#positionsLate = positionsLate;
    this.#send = send;
    broker.happened = (events) => this.#report(events);
    broker.ticked = (ticks) => this.#tell({ type: "ticks", ticks, patient: false });
    this.#beat();
  }

  /** Whether there is a session. */
  get up(): boolean {
    return this.#session !== 0;
  }

  get idle(): boolean {
    return this.#underWay === 0;
  }

  take(frame: UpFrame): void {
    if (frame.type === "hello") this.#begin(frame.session);
    if (frame.session !== this.#session) return;
    this.#heard.take(frame.place, this.#world.now);
    if (frame.type !== "ask" || this.#known.has(frame.id)) return;
    this.#known.add(frame.id);
    const { id, what } = frame;
    if (what.kind === "snapshot") this.#fence = Math.max(this.#fence, id);
    if (what.kind === "snapshot" || what.kind === "check") {
      this.#world.after(this.#dice.between(0, 3), this.#world.outside, () =>
        this.#answer(frame.session, id, this.#look(what)),
      );
    } else if (id < this.#fence) {
      this.#counts.add("too late for the records");
      this.#answer(frame.session, id, { kind: "refused", retcode: 10006, message: "it came after the records" });
    } else this.#pass(frame.session, id, what);
  }

  /** The connection has broken, or the terminal was started anew. */
  lost(): void {
    this.#session = 0;
  }

  /** A later session ends the one before; what belongs to that is ignored from now on. */
  #begin(session: number): void {
    if (session < this.#newest) return;
    if (session > this.#newest) {
      this.#newest = session;
      this.#session = session;
      this.#place = 0;
      this.#heard = new Heard(this.#world.now);
      this.#known = new Set();
      this.#fence = 0;
      this.#world.note("session", session);
    }
    this.#post({ type: "welcome" });
  }

  #pass(session: number, id: number, command: Command): void {
    const mood = (command.kind === "submit" ? undefined : this.moodsOfChanges.shift()) ?? this.moods.shift();
    this.passed.push(command);
    this.#underWay += 1;
    const execute = (then: (outcome: Outcome) => void, ms: number) =>
      this.#world.after(ms, this.#world.outside, () => {
        this.#underWay -= 1;
        const outcome = this.broker.carryOut(command);
        if (outcome.kind === "done") this.done.push(command);
        then(outcome);
      });
    const answer = (outcome: Outcome) => this.#answer(session, id, outcome);
    const usual = this.#dice.between(0, 20);
    if (mood !== undefined) this.#counts.add(nameOf(mood));
    switch (mood?.kind) {
      case "refuse":
        this.#underWay -= 1;
        answer({ kind: "refused", retcode: mood.retcode, message: "refused" });
        break;
      case "unclear":
        if (mood.executed === undefined) this.#underWay -= 1;
        else execute(() => undefined, mood.executed);
        answer({ kind: "refused", retcode: mood.retcode, message: "unclear" });
        break;
      case "silent":
        if (!mood.executed) this.#underWay -= 1;
        else {
          this.#world.after(usual, this.#world.outside, () => {
            this.#underWay -= 1;
            if (this.broker.quietly(command).kind === "done") this.done.push(command);
          });
        }
        break;
      case "slow":
        execute((outcome) => this.#world.after(mood.ms, this.#world.outside, () => answer(outcome)), usual);
        break;
      default:
        execute(answer, usual);
    }
  }

  #look(question: Question): Reply {
    if (question.kind === "check") return this.broker.check(question.order);
    const snapshot = this.broker.snapshot(question.since, question.asked);
    for (const { ticket } of snapshot.pastOrders) this.#recorded(this.#ended, ticket);
    for (const { ticket } of snapshot.deals) this.#recorded(this.#dealt, ticket);
    if (this.lag !== undefined && this.#world.now < this.lag.until) return this.#hiding(snapshot, this.lag);
    return this.idle ? snapshot : { ...snapshot, completeUntil: 0 as Instant };
  }

  #hiding(snapshot: AccountSnapshot, { hides, what }: Lag): AccountSnapshot {
    this.#counts.add("late history");
    const limit = this.#world.now - hides;
    const shown = (times: Map<Ticket, number>) => (one: { readonly ticket: Ticket }) =>
      (times.get(one.ticket) ?? 0) <= limit;
    return {
      ...snapshot,
      pastOrders: what === "deals" ? snapshot.pastOrders : snapshot.pastOrders.filter(shown(this.#ended)),
      deals: what === "orders" ? snapshot.deals : snapshot.deals.filter(shown(this.#dealt)),
      completeUntil: 0 as Instant,
    };
  }

  #recorded(times: Map<Ticket, number>, ticket: Ticket): void {
    if (!times.has(ticket)) times.set(ticket, this.#world.now);
  }

  #report(events: readonly LedgerEvent[]): void {
    for (const event of events) {
      if (event.type === "deal") this.#recorded(this.#dealt, event.deal.ticket);
      if (event.type === "order" && event.order.doneTime !== undefined) this.#recorded(this.#ended, event.order.ticket);
    }
    const reports = events.flatMap(reportOf);
    if (reports.length === 0) return;
    reports.push({ type: "valuation", valuation: this.broker.valuation() });
    for (const report of this.#disordered(reports)) {
      const isOfPosition = report.type === "position" || report.type === "position_closed";
      if (isOfPosition && this.#positionsLate > 0) this.#tellLater(report);
      else this.#tell(report);
    }
  }

  /** As it is then: who looks at positions now and then sees no more than what is open at that moment. */
  #tellLater(report: Extract<TerminalReport, { type: "position" | "position_closed" }>): void {
    this.#counts.add("position told late");
    this.#world.after(this.#positionsLate, this.#world.outside, () => {
      const position = this.broker.books.positions.get(report.position.ticket);
      if (position !== undefined) this.#tell({ type: "position", position });
      else if (report.type === "position_closed") this.#tell(report);
    });
  }

  #tell(report: TerminalReport): void {
    this.#post({ type: "report", report });
  }

  /** As MetaTrader tells things: a deal before its order, and some things twice. */
  #disordered(reports: TerminalReport[]): TerminalReport[] {
    if (this.#world.now >= this.disorderUntil) return reports;
    this.#counts.add("disorder");
    const again = reports.filter(({ type }) => type === "deal" || type === "order").slice(0, this.#dice.below(2));
    const lasting = reports.filter(({ type }) => type === "position" || type === "position_closed");
    const others = reports.filter((report) => !lasting.includes(report));
    return [...this.#dice.shuffled([...others, ...again]), ...lasting];
  }

  #answer(session: number, id: number, reply: Reply): void {
    if ("completeUntil" in reply) this.#world.note("records shown", Number(reply.completeUntil > 0));
    if (session === this.#session) this.#post({ type: "answer", id, reply });
  }

  #post(content: DownContent): void {
    if (this.#session === 0) return;
    this.#place += 1;
    this.#send({ ...content, session: this.#session, place: this.#place } as DownFrame);
  }

  #beat(): void {
    if (this.#session !== 0 && this.#heard.isBroken(this.#world.now)) this.lost();
    this.#post({ type: "beat" });
    this.#world.after(beatEvery, this.#world.outside, () => this.#beat());
  }
}

function nameOf(mood: Mood): string {
  switch (mood.kind) {
    case "refuse":
      return `refusal ${mood.retcode}`;
    case "unclear":
      return `${mood.retcode} ${mood.executed === undefined ? "not executed" : "executed"}`;
    case "silent":
      return mood.executed ? "silent but executed" : "silent and lost";
    case "slow":
      return "slow answer";
  }
}

function reportOf(event: LedgerEvent): TerminalReport[] {
  if (event.type === "day") return [];
  return [event.type === "position" ? { type: event.type, position: event.position } : event];
}
