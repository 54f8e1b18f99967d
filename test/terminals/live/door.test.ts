/** Who is let in as a terminal, and what the others are told. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it } from "vitest";
import {
  ConnectRequestSchema,
  ConnectResponseSchema,
  HelloSchema,
  type Refusal,
  RefusalReason,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import { type Attachable, Door, type DoorOptions, type Grant } from "../../../src/terminals/live/door.ts";
import type { Entry } from "../../../src/terminals/live/roster.ts";
import { Notes, quiet, ScriptedClock } from "../paper/scripted.ts";

const never = new AbortController().signal;

/** A terminal's connection, as the bridge has it. */
class Line implements LinkCarrier {
  readonly peer = "10.0.0.7:50123";
  readonly told: Refusal[] = [];
  bearer?: string;
  fault?: string;
  closed = false;
  readonly #waiting: Uint8Array[] = [];
  #over = false;
  #wake: () => void = () => undefined;

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    signal.addEventListener("abort", () => this.#wake());
    for (;;) {
      const frame = this.#waiting.shift();
      if (signal.aborted) return;
      if (frame !== undefined) yield frame;
      else if (this.#over || this.closed) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  send(frame: Uint8Array): boolean {
    const { frame: sent } = fromBinary(ConnectResponseSchema, frame);
    if (sent.case === "refusal") this.told.push(sent.value);
    return !this.closed;
  }

  close(): void {
    this.closed = true;
    this.#wake();
  }

  says(frame: Uint8Array): this {
    this.#waiting.push(frame);
    this.#wake();
    return this;
  }

  hangsUp(): void {
    this.#over = true;
    this.#wake();
  }
}

type HelloInit = MessageInitShape<typeof HelloSchema>;

const fingerprint = { login: 1_000_001n, server: "Broker-Demo", tradeMode: 0 };

const hello = (more: HelloInit = {}, account = {}): Uint8Array => {
  const usual = { protocolMin: 1, protocolMax: 1, account: { fingerprint: { ...fingerprint, ...account } } };
  const value = create(HelloSchema, { ...usual, ...more } as HelloInit);
  return toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { frame: { case: "hello", value } }));
};

let clock: ScriptedClock;
let notes: Notes;
let served: { alias: string; signal: AbortSignal }[];
let refused: string[];
let keyEnds: AbortController;

beforeEach(() => {
  clock = new ScriptedClock(Date.UTC(2026, 0, 5, 12) as Instant);
  notes = new Notes();
  served = [];
  refused = [];
  keyEnds = new AbortController();
});

/** Serves a connection until it ends. */
const attachable = ({ alias }: Entry): Attachable => ({
  async attach(_carrier, frames, _hello, signal) {
    served.push({ alias, signal });
    while (!(await frames.next()).done);
  },
});

const good: Grant = { name: "key-0", mayServe: () => true, ended: never };

function doorWith(more: Partial<DoorOptions> = {}): Door {
  return new Door({
    roster: { entries: [], realAllowed: false },
    admit: async () => good,
    terminalOf: attachable,
    refused: (reason, message, peer) => refused.push(`${reason} ${peer} ${message}`),
    clock,
    observer: notes,
    ...more,
  });
}

const main: Entry = { alias: "main", login: 1_000_001n, server: "Broker-Demo" };

describe("a terminal that dials in", () => {
  it("serves a demo account by its number, where no accounts are named", async () => {
    const line = new Line().says(hello());
    void doorWith().accept(line);
    await quiet();
    expect(served.map(({ alias }) => alias)).toEqual(["1000001"]);
    expect(line.told).toEqual([]);
  });

  it("serves a named account by its alias, a real one too where that is enabled", async () => {
    const entries = [main, { alias: "real", login: 7n, server: "Broker-Live" }];
    const door = doorWith({ roster: { entries, realAllowed: true } });
    void door.accept(new Line().says(hello()));
    void door.accept(new Line().says(hello({}, { login: 7n, server: "Broker-Live", tradeMode: 2 })));
    await quiet();
    expect(served.map(({ alias }) => alias)).toEqual(["main", "real"]);
  });

  it("serves again once the connection before has ended", async () => {
    const door = doorWith();
    const first = new Line().says(hello());
    const ended = door.accept(first);
    await quiet();
    first.hangsUp();
    await ended;
    expect(first.closed).toBe(true);
    void door.accept(new Line().says(hello()));
    await quiet();
    expect(served.length).toBe(2);
  });

  it("may bring its token in the hello or beside it", async () => {
    const secrets: unknown[] = [];
    const admit: DoorOptions["admit"] = async (_peer, secret) => {
      secrets.push(secret);
      return good;
    };
    const door = doorWith({ admit });
    const line = new Line();
    line.bearer = "beside";
    void door.accept(line.says(hello()));
    await quiet();
    void door.accept(new Line().says(hello({ token: "inside" }, { login: 2n })));
    await quiet();
    expect(secrets).toEqual(["beside", "inside"]);
  });
});

describe("a terminal that is not let in", () => {
  const named = { roster: { entries: [main], realAllowed: false } };
  const cases: [string, Partial<DoorOptions>, Uint8Array, keyof typeof RefusalReason, RegExp][] = [
    ["cannot be read", {}, Buffer.from([0xff, 1]), "PROTOCOL", /first frame cannot be read/],
    ["says something else first", {}, Buffer.from([0x1a, 0]), "PROTOCOL", /was ack, not hello/],
    ["says nothing that is known", {}, Buffer.alloc(0), "PROTOCOL", /was empty, not hello/],
    ["names no account", {}, hello({ account: undefined as never }), "PROTOCOL", /names no account/],
    [
      "speaks newer versions only",
      {},
      hello({ protocolMin: 2, protocolMax: 3 }),
      "VERSION",
      /version 1.*2 to 3.*one release/,
    ],
    ["speaks older versions only", {}, hello({ protocolMin: 0, protocolMax: 0 }), "VERSION", /0 to 0/],
    ["is not logged in", {}, hello({}, { login: 0n }), "ACCOUNT", /log in, and it dials again/],
    ["has another account", named, hello({}, { login: 5n }), "ACCOUNT", /alias=5@Broker-Demo/],
    ["has the same number at another server", named, hello({}, { server: "Other" }), "ACCOUNT", /1000001@Other/],
    [
      "has a real account",
      {},
      hello({}, { tradeMode: 2 }),
      "ACCOUNT",
      /real money.*ENABLE_LIVE_TRADING=true.*LIVE_ACCOUNTS as alias=1000001@/,
    ],
    ["may have real money", {}, hello({}, { tradeMode: 3 }), "ACCOUNT", /ENABLE_LIVE_TRADING=true/],
    [
      "has a real account that is named, but not enabled",
      named,
      hello({}, { tradeMode: 2 }),
      "ACCOUNT",
      /ENABLE_LIVE_TRADING/,
    ],
    [
      "has a real account that is enabled, but not named",
      { roster: { entries: [], realAllowed: true } },
      hello({}, { tradeMode: 2 }),
      "ACCOUNT",
      /LIVE_ACCOUNTS/,
    ],
    [
      "has a bad token",
      { admit: () => Promise.reject(new Error("That is no API key.")) },
      hello(),
      "UNAUTHENTICATED",
      /no API key/,
    ],
    [
      "has a token for other accounts",
      { admit: async () => ({ ...good, mayServe: (alias) => alias === "other" }) },
      hello(),
      "UNAUTHENTICATED",
      /key-0 is not good for the account 1000001/,
    ],
    [
      "has an account that cannot be brought up",
      {
        terminalOf: () => {
          throw new Error("1000001 is kept for another server.");
        },
      },
      hello(),
      "ACCOUNT",
      /another server/,
    ],
  ];

  it.each(cases)("is told so, and the log too, when it %s", async (_what, options, first, reason, message) => {
    const line = new Line().says(first);
    await doorWith(options).accept(line);
    expect(line.told.length).toBe(1);
    expect(line.told[0]?.reason).toBe(RefusalReason[reason]);
    expect(line.told[0]?.message).toMatch(message);
    expect(refused).toEqual([`${reason} 10.0.0.7:50123 ${line.told[0]?.message}`]);
    expect([line.closed, served.length]).toEqual([true, 0]);
  });

  it("has ten seconds to introduce itself", async () => {
    const line = new Line();
    const accepted = doorWith().accept(line);
    await quiet();
    clock.advance(9_999);
    await quiet();
    expect(line.closed).toBe(false);
    clock.advance(1);
    await accepted;
    expect(line.told.map(({ reason }) => reason)).toEqual([RefusalReason.SILENT]);
    expect(line.closed).toBe(true);
  });

  it("is told what its carrier could not understand", async () => {
    const line = new Line();
    line.fault = "a frame of 99 bytes was announced";
    line.hangsUp();
    await doorWith().accept(line);
    expect(line.told[0]).toMatchObject({
      reason: RefusalReason.PROTOCOL,
      message: expect.stringContaining("99 bytes"),
    });
  });

  it("is nobody when it hangs up without a word", async () => {
    const line = new Line();
    line.hangsUp();
    await doorWith().accept(line);
    expect([line.told, refused]).toEqual([[], []]);
  });

  it("is the second one for an account, and the first one stays", async () => {
    const door = doorWith();
    const first = new Line().says(hello());
    void door.accept(first);
    await quiet();
    const second = new Line().says(hello());
    await door.accept(second);
    expect(second.told[0]).toMatchObject({ reason: RefusalReason.TAKEN, retryAfterMs: 2_000 });
    expect([first.closed, served.length]).toEqual([false, 1]);
  });

  it("is one of two that come at the same moment", async () => {
    const door = doorWith();
    const lines = [new Line().says(hello()), new Line().says(hello())];
    for (const line of lines) void door.accept(line);
    await quiet();
    expect([served.length, lines.filter(({ closed }) => closed).length]).toEqual([1, 1]);
  });

  it("is the hundred-and-first that has not introduced itself", async () => {
    const door = doorWith();
    for (let i = 0; i < 100; i++) void door.accept(new Line());
    const line = new Line();
    await door.accept(line);
    expect(line.told[0]).toMatchObject({ reason: RefusalReason.STOPPING, retryAfterMs: 5_000 });
    clock.advance(10_000); // the hundred have to go, and leave room
    await quiet();
    void door.accept(new Line().says(hello()));
    await quiet();
    expect(served.length).toBe(1);
  });
});

describe("a terminal that is in", () => {
  it("is sent away when its key is taken back", async () => {
    const line = new Line().says(hello());
    const ended = doorWith({ admit: async () => ({ ...good, ended: keyEnds.signal }) }).accept(line);
    await quiet();
    keyEnds.abort("The API key was revoked.");
    await ended;
    expect(line.told[0]).toMatchObject({ reason: RefusalReason.UNAUTHENTICATED, message: "The API key was revoked." });
    expect([served[0]?.signal.aborted, line.closed]).toEqual([true, true]);
  });

  it("is sent away when the bridge stops, and nobody is let in any more", async () => {
    const door = doorWith();
    const line = new Line().says(hello());
    void door.accept(line);
    await quiet();
    await door.close();
    expect(line.told[0]).toMatchObject({ reason: RefusalReason.STOPPING });
    const late = new Line().says(hello());
    await door.accept(late);
    expect(late.told[0]).toMatchObject({ reason: RefusalReason.STOPPING });
    expect(served.length).toBe(1);
  });

  it("dials again when it is asked to", async () => {
    const door = doorWith();
    const line = new Line().says(hello());
    const ended = door.accept(line);
    await quiet();
    expect(door.sendAway("1000001", "An operator asks for a new link.")).toBe(true);
    await ended;
    expect(line.told[0]).toMatchObject({ reason: RefusalReason.STOPPING, retryAfterMs: 0 });
    expect(door.sendAway("1000001", "again")).toBe(false);
  });

  it("loses its connection, and the log says why, when serving it fails", async () => {
    const line = new Line().says(hello());
    const terminalOf = () => ({ attach: () => Promise.reject(new Error("a bug")) });
    await doorWith({ terminalOf }).accept(line);
    expect(line.closed).toBe(true);
    expect(notes.lines).toEqual(["error link: a link has failed"]);
  });
});
