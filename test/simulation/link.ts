/** The bridge's end of the link: a terminal far away, behind the terminal port. */
import { BridgeError } from "../../src/core/errors.ts";
import type { AccountInfo } from "../../src/core/model/account.ts";
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { BrokerTime, Instant, Ticket } from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../src/core/model/order.ts";
import type { SymbolSpec } from "../../src/core/model/symbol.ts";
import type { Approved } from "../../src/core/orders/risk.ts";
import type {
  AccountSnapshot,
  CheckResult,
  Outcome,
  TerminalPort,
  TerminalReport,
} from "../../src/core/ports/terminal.ts";
import { beatEvery, type Command, type DownFrame, Heard, type Question, type Reply, type UpFrame } from "./frames.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

interface Asked {
  readonly at: number;
  resolve(reply: Reply): void;
  reject(error: BridgeError): void;
}

/** Milliseconds between two attempts to begin a session. */
const knockEvery = 500;

/** A command that is not answered for so long (ms) is ended by ending the session: a later one shuts it out. */
const longestWork = 3000;

type UpContent = UpFrame extends infer F ? (F extends UpFrame ? Omit<F, "session" | "place"> : never) : never;

export class Link implements TerminalPort {
  readonly account: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  /** Orders that the bridge gave away, and when. */
  readonly submitted: { readonly order: NumberedOrder; readonly at: number }[] = [];
  readonly #world: World;
  readonly #process: Process;
  readonly #send: (frame: UpFrame) => void;
  /** The newest session that was asked for. */
  #session: number;
  #up = false;
  #place = 0;
  #lastId = 0;
  #heard = new Heard(0);
  readonly #asked = new Map<number, Asked>();
  readonly #reports: TerminalReport[] = [];
  #told: () => void = () => undefined;

  /** `life`: which life of the bridge this is; a later one's sessions have higher numbers. */
  constructor(
    world: World,
    process: Process,
    life: number,
    { account, symbols }: Pick<TerminalPort, "account" | "symbols">,
    send: (frame: UpFrame) => void,
  ) {
    this.#world = world;
    this.#process = process;
    this.account = account;
    this.symbols = symbols;
    this.#session = life * 10_000;
    this.#send = send;
    this.#knock();
    this.#beat();
  }

  brokerTime(at: Instant): BrokerTime {
    return toBrokerTime(at);
  }

  get up(): boolean {
    return this.#up;
  }

  submit(order: Approved<NumberedOrder>): Promise<Outcome> {
    this.submitted.push({ order, at: this.#world.now });
    return this.#ask({ kind: "submit", order });
  }

  modify(order: Ticket, change: OrderChange): Promise<Outcome> {
    return this.#ask({ kind: "modify", order, change });
  }

  cancel(order: Ticket): Promise<Outcome> {
    return this.#ask({ kind: "cancel", order });
  }

  modifyPosition(position: Ticket, stops: Stops): Promise<Outcome> {
    return this.#ask({ kind: "modify_position", position, stops });
  }

  check(order: OrderRequest): Promise<CheckResult> {
    return this.#ask({ kind: "check", order });
  }

  snapshot(since: Instant): Promise<AccountSnapshot> {
    return this.#ask({ kind: "snapshot", since, asked: this.#world.instant });
  }

  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    while (!signal.aborted) {
      const report = this.#reports.shift();
      if (report !== undefined) yield report;
      else {
        await new Promise<void>((told) => {
          this.#told = told;
        });
      }
    }
  }

  /** A frame has come. */
  take(frame: DownFrame): void {
    if (frame.session !== this.#session) return;
    if (frame.type === "welcome") {
      if (this.#up) return;
      this.#up = true;
      this.#heard = new Heard(this.#world.now);
      this.#tell({ type: "link", up: true, why: "a session has begun" });
    }
    if (!this.#up) return; // it came before the welcome: the session is not to be had without what was lost
    this.#heard.take(frame.place, this.#world.now);
    if (frame.type === "report") this.#tell(frame.report);
    if (frame.type !== "answer") return;
    const asked = this.#asked.get(frame.id);
    this.#asked.delete(frame.id);
    asked?.resolve(frame.reply);
  }

  /** The connection has broken. */
  lost(why: string): void {
    if (!this.#up) return;
    this.#up = false;
    this.#world.note("link down", this.#session, () => why);
    this.#tell({ type: "link", up: false, why });
    // What was asked may have been done: the commands have ended without an answer.
    const silent = new BridgeError("terminal_silent", `the link was lost: ${why}`);
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject } of asked) reject(silent);
  }

  #ask<T extends Reply>(what: Command | Question): Promise<T> {
    if (!this.#up) return Promise.reject(new BridgeError("terminal_offline", "there is no session"));
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { at: this.#world.now, resolve: (reply) => resolve(reply as T), reject });
      this.#post({ type: "ask", id, what });
    });
  }

  #post(content: UpContent): void {
    if (!this.#process.effect()) return;
    this.#place += 1;
    this.#send({ ...content, session: this.#session, place: this.#place } as UpFrame);
  }

  #tell(report: TerminalReport): void {
    this.#reports.push(report);
    this.#told();
  }

  #knock(): void {
    if (!this.#up) {
      this.#session += 1;
      this.#place = 0;
      this.#post({ type: "hello" });
    }
    this.#world.after(knockEvery, this.#process, () => this.#knock());
  }

  #beat(): void {
    const { now } = this.#world;
    const [oldest] = this.#asked.values();
    if (this.#up && this.#heard.isBroken(now)) this.lost("something is missing");
    else if (this.#up && oldest !== undefined && now - oldest.at > longestWork) this.lost("a command has no end");
    if (this.#up) this.#post({ type: "beat" });
    this.#world.after(beatEvery, this.#process, () => this.#beat());
  }
}
