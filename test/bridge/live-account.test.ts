/** What is kept of a live account from one start of the bridge to the next. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Ground } from "../../src/bridge/ground.ts";
import { LiveAccount } from "../../src/bridge/live-account.ts";
import { readConfig } from "../../src/config.ts";
import type { ControlRecord } from "../../src/core/control/control-record.ts";
import type { Valuation } from "../../src/core/model/account.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import { worth } from "../core/scripted-terminal.ts";
import { Notes, quiet, ScriptedClock } from "../terminals/paper/scripted.ts";
import { type Folder, folder } from "../transport/credentials.ts";

let files: Folder;
let clock: ScriptedClock;
let notes: Notes;

beforeEach(() => {
  files = folder();
  clock = new ScriptedClock(1_000 as Instant);
  notes = new Notes();
});

afterEach(() => files.remove());

/** As a start of the bridge does. */
function started(): LiveAccount {
  const config = readConfig({ TERMINAL: "live" }, () => "");
  const ground = { config, clock, log: notes, watch: { now: () => 0 } } as unknown as Ground;
  const who = { alias: "main", login: 5n, server: "Broker-Demo", folder: files.file("main"), advice: () => "dial" };
  return new LiveAccount(who, ground, {} as ControlRecord);
}

describe("the life of the bridge for an account", () => {
  it("is greater with every start, also when the clock stands still or was set back", () => {
    expect(started().live.life).toBe(1_000n);
    expect(started().live.life).toBe(1_001n);
    clock = new ScriptedClock(5 as Instant);
    expect(started().live.life).toBe(1_002n);
    expect(readFileSync(join(files.file("main"), "life"), "utf8")).toBe("1002\n");
  });

  it("goes by the clock where the folder was lost or damaged, so that a terminal does not know a greater one", () => {
    started();
    rmSync(files.file("main"), { recursive: true });
    clock.advance(1);
    expect(started().live.life).toBe(1_001n);
    writeFileSync(join(files.file("main"), "life"), "rubbish");
    clock.advance(1);
    expect(started().live.life).toBe(1_002n);
  });
});

describe("what an account was worth", () => {
  const valuation: Valuation = { ...worth(), time: 2_000 as Instant };

  it("is known after a start without its terminal, with the time of that", async () => {
    const over = new AbortController();
    let now = valuation;
    const keeping = started().keepWorth(() => now, over.signal);
    now = { ...valuation, time: 3_000 as Instant };
    clock.advance(60_000);
    await quiet();
    expect(started().apart.valuation).toEqual({ ...now, positions: [] });
    now = { ...valuation, time: 4_000 as Instant };
    over.abort();
    await keeping;
    expect(started().apart.valuation.time).toBe(4_000);
  });

  it("is not known where nothing, or rubbish, was kept", () => {
    expect(started().apart.valuation.time).toBe(0);
    for (const text of ["{", "null", '{"time": 5}', '{"time": "soon"}']) {
      mkdirSync(files.file("main"), { recursive: true });
      writeFileSync(join(files.file("main"), "worth.json"), text);
      expect([text, started().apart.valuation.time]).toEqual([text, 0]);
    }
  });

  it("is told by the log when it cannot be kept, and nothing else comes of that", async () => {
    const over = new AbortController();
    const account = started();
    let now = valuation;
    const keeping = account.keepWorth(() => now, over.signal);
    rmSync(files.file("main"), { recursive: true });
    now = { ...valuation, time: 3_000 as Instant };
    over.abort();
    await keeping;
    expect(notes.lines).toEqual(["warn terminal: what the account is worth could not be kept"]);
  });
});
