/**
 * The live accounts: those that earlier runs have known, from the start, and others as their terminals come.
 *
 * What operators decide is about all of them, those to come included, and is kept beside them.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Connect } from "../contract/admin-service.ts";
import { ControlRecord } from "../core/control/control-record.ts";
import { BridgeError } from "../core/errors.ts";
import type { LinkCarrier } from "../core/ports/link.ts";
import type { Ports } from "../edge/doors.ts";
import type { JournalStore } from "../store/journal-store.ts";
import type { LinkNumbers } from "../telemetry/link-metrics.ts";
import { Door, type ReasonName } from "../terminals/live/door.ts";
import type { Entry } from "../terminals/live/roster.ts";
import type { LiveTerminal } from "../terminals/live/terminal.ts";
import type { Access } from "../transport/access.ts";
import type { Drain } from "../transport/drain.ts";
import { admitting } from "../transport/link/admission.ts";
import { type LinkPort, serveLinks } from "../transport/link/server.ts";
import type { RefusalKind, Refusals } from "../transport/refusals.ts";
import { configuredLimits, type Ground } from "./ground.ts";
import { openJournals } from "./journals.ts";
import { LiveAccount } from "./live-account.ts";
import type { ServedAccounts } from "./served-accounts.ts";
import type { Side } from "./side.ts";
import { StandingAccount } from "./standing-account.ts";

/** So many accounts at most, however many terminals come. */
const mostAccounts = 100;
/** Characters of an answer to another's terminal that are repeated to whoever asks. */
const mostSaid = 400;
/** How often a new link is looked for, ms, and for how long. */
const lookEvery = 100;
const lookFor = 30_000;

/** As what each is told to whoever runs the bridge. */
const kinds: Partial<Record<ReasonName, RefusalKind>> = {
  UNAUTHENTICATED: "credential",
  ACCOUNT: "permission",
  PROTOCOL: "malformed",
};

export interface LiveGround extends Ground {
  readonly access: Access;
  readonly refusals: Refusals;
}

export class LiveSide implements Side {
  readonly control: ControlRecord;
  readonly folder: string;
  readonly stores: readonly JournalStore[];
  readonly counts = { all: () => this.#numbers(), refused: new Map<string, number>() };
  readonly #ground: LiveGround;
  readonly #accounts: ServedAccounts;
  readonly #life = new AbortController();
  readonly #known = new Map<string, LiveAccount>();
  readonly #door: Door;
  #ports: { readonly grpc: number; readonly link: number };
  #port: LinkPort | undefined;
  /** What a terminal of an account that is not served was told last. */
  #stray = "";

  static async open(ground: LiveGround, accounts: ServedAccounts): Promise<LiveSide> {
    const { config, clock, log } = ground;
    const folder = join(config.dataDir, "live");
    const store = await openJournals(ground, join(folder, ".control"), "live");
    const control = await ControlRecord.open(store.journal("control"), clock, log);
    control.limits.configured = configuredLimits(config);
    const side = new LiveSide(ground, accounts, folder, store, control);
    await side.#listen();
    await side.#wake();
    return side;
  }

  private constructor(
    ground: LiveGround,
    accounts: ServedAccounts,
    folder: string,
    store: JournalStore,
    control: ControlRecord,
  ) {
    const { config, access, clock, log } = ground;
    this.#ground = ground;
    this.#accounts = accounts;
    this.folder = folder;
    this.stores = [store];
    this.control = control;
    this.#ports = { grpc: config.network.grpcPort, link: config.network.linkPort };
    accounts.awaited = (alias) => this.#awaited(alias);
    this.#door = new Door({
      roster: { entries: config.live.accounts, realAllowed: config.live.realAllowed },
      admit: admitting(access.authenticate, clock),
      terminalOf: (account) => this.#terminalOf(account),
      refused: (reason, message, peer) => this.#refused(reason, message, peer),
      ...{ clock, observer: log },
    });
  }

  readonly links = (carrier: LinkCarrier): Promise<void> => this.#door.accept(carrier);

  readonly connect: Connect = async ({ info, desk }, { signal }) => {
    const live = this.#known.get(info.alias)?.live;
    const { clock } = this.#ground;
    const until = clock.now() + lookFor;
    if (live?.figures.state === "up") await this.#logIn(live, signal);
    const before = live?.figures.connections ?? 0;
    if (
      live === undefined ||
      !this.#door.sendAway(info.alias, "An operator asks for a new link; dial again at once.")
    ) {
      throw new BridgeError("terminal_offline", `the bridge cannot dial a terminal: ${desk.linkMessage}`);
    }
    while (!desk.linkUp || live.figures.connections === before) {
      if (signal.aborted) throw signal.reason;
      if (clock.now() > until) throw new BridgeError("terminal_offline", `${info.alias} has not come back yet`);
      await clock.sleep(lookEvery, signal);
    }
  };

  /** With the password that the terminal's side has, if it has one: through the bridge none ever goes. */
  async #logIn(live: LiveTerminal, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#ground;
    const over = new AbortController();
    const silent = clock.sleep(lookFor, AbortSignal.any([signal, over.signal])).then(() => {
      throw signal.aborted ? signal.reason : new BridgeError("terminal_offline", "the terminal does not log in");
    });
    try {
      const cannot = await Promise.race([live.logIn(), silent]);
      if (cannot !== undefined) log.note("info", "terminal", "the terminal's side does not log in", { why: cannot });
    } finally {
      silent.catch(() => undefined);
      over.abort();
    }
  }

  async begin({ grpc }: Ports) {
    const { link } = this.#ports;
    this.#ports = { grpc, link };
    const waits = this.#awaited("");
    if (waits !== "") this.#ground.log.note("warn", "terminal", waits);
    return { link };
  }

  /** Terminals are the last to go: what is under way goes through them. */
  async leave(drain: Drain, until: number): Promise<void> {
    const { clock } = this.#ground;
    const left = () => Math.max(0, until - clock.now());
    await drain.settle(left());
    await Promise.race([this.#accounts.idle(), clock.sleep(left())]);
    await this.#door.close();
    await this.#port?.close();
    this.#life.abort();
  }

  async close(): Promise<void> {
    for (const store of this.stores) await store.close();
  }

  async #listen(): Promise<void> {
    const { config, access, refusals } = this.#ground;
    const { bindAddress: host, linkPort: port, grpcPort: grpc } = config.network;
    const { certificate } = access;
    const maxConnections = config.limits.connections;
    this.#port = await serveLinks({ host, port, certificate, maxConnections, refusals, take: this.links });
    this.#ports = { grpc, link: this.#port.port };
  }

  /** Brings up what earlier runs have known, and may still be served. */
  async #wake(): Promise<void> {
    const { accounts: named } = this.#ground.config.live;
    const folders = readdirSync(this.folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name: alias } of folders) {
      const who = LiveAccount.known(join(this.folder, alias))?.account.fingerprint;
      if (who === undefined) continue;
      const isServed = named.some((one) => one.alias === alias && one.login === who.login && one.server === who.server);
      if (named.length > 0 ? isServed : alias === String(who.login)) {
        await this.#stand(this.#made({ alias, login: who.login, server: who.server }));
      }
    }
  }

  #terminalOf(account: Entry) {
    const { alias } = account;
    const one = this.#made(account);
    this.#stand(one).catch((error: unknown) => {
      one.standing = undefined; // tried again when its terminal comes again
      this.#ground.log.note("error", "terminal", "an account could not be brought up", { account: alias, error });
      this.#door.sendAway(alias, "The bridge could not bring the account up: its log says why.");
    });
    return one.live;
  }

  /** Once its terminal is known, which may be at once. */
  #stand(one: LiveAccount): Promise<void> {
    one.standing ??= one.live.known.then(() => this.#bringUp(one));
    return one.standing;
  }

  #made({ alias, login, server }: Entry): LiveAccount {
    const made = this.#known.get(alias);
    if (made !== undefined) return made;
    if (this.#known.size >= mostAccounts) {
      const todo = "name those in LIVE_ACCOUNTS that it should serve";
      throw new Error(`The bridge serves ${mostAccounts} accounts already, the most that it does: ${todo}.`);
    }
    const folder = join(this.folder, alias);
    const before = LiveAccount.known(folder)?.account.fingerprint;
    if (before !== undefined && (before.login !== login || before.server !== server)) {
      const owner = `account ${before.login} at ${before.server}, whose records are in ${folder}`;
      throw new Error(`${alias} is the name of ${owner}: give this account another one in LIVE_ACCOUNTS.`);
    }
    const who = { alias, login, server, folder, advice: () => this.#advice };
    const one = new LiveAccount(who, this.#ground, this.control);
    this.#known.set(alias, one);
    return one;
  }

  async #bringUp(one: LiveAccount): Promise<void> {
    const standing = await StandingAccount.open(one, this.#ground);
    this.#accounts.add(standing);
    const { record } = standing.account;
    void one.keepWorth(() => record.holdings.valuation, this.#life.signal);
    const { alias } = one;
    this.#ground.log.note("info", "terminal", "account served", { account: alias, symbols: one.symbols.length });
  }

  /** Why that account is not served yet, or any is not when none is named; and how to connect its terminal. */
  #awaited(alias: string): string {
    const { accounts: named } = this.#ground.config.live;
    const missing = named.filter((one) => !this.#accounts.has(one.alias) && (alias === "" || one.alias === alias));
    if (missing.length === 0 && (named.length > 0 || this.#accounts.size > 0)) return "";
    const whom = missing.map((one) => `${one.alias} (account ${one.login} at ${one.server})`).join(", ");
    return `no terminal has dialed in${whom === "" ? "" : ` for ${whom}`} yet: ${this.#advice}${this.#stray}`;
  }

  get #advice(): string {
    const { network, access } = this.#ground.config;
    const { bindAddress: host } = network;
    const { grpc, link } = this.#ports;
    const isOpen = access.keysFile === undefined && access.tokens === undefined;
    const key = isOpen ? "" : ", with a key that has the scope terminal";
    return `give its Expert Advisor the address ${host} and port ${link}, or the agent ${host}:${grpc}${key} (docs/terminals.md)`;
  }

  #refused(reason: ReasonName, message: string, peer: string): void {
    const { refused } = this.counts;
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
    if (reason === "ACCOUNT") this.#strayed(message);
    this.#ground.refusals.note(kinds[reason] ?? "link", "link", "a terminal was refused", { peer, reason, message });
  }

  /** Whoever misses a terminal is told of one that had another account. */
  #strayed(message: string): void {
    const answer = message.slice(0, mostSaid); // it repeats what the terminal calls its server
    this.#stray = `; a terminal has dialed in, and was told: ${answer}`;
    for (const { live } of this.#known.values()) live.strayed(answer);
  }

  #numbers(): LinkNumbers[] {
    return [...this.#known.values()].map(({ alias, live }) => {
      const { state, connections, reports, commands, expired, roundTrip, clockOffset } = live.figures;
      return {
        account: alias,
        ...{ up: state === "up", connections, reports, commands, expired },
        ...{ clockOffsetMs: clockOffset, roundTripMs: roundTrip },
      };
    });
  }
}
