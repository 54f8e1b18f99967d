import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { BridgeError } from "../../src/core/errors.ts";
import type { Severity } from "../../src/core/ports/observer.ts";
import { logTo, plain } from "../../src/telemetry/log.ts";

function logInMemory(level: Severity = "debug", readByPeople = false) {
  const lines: string[] = [];
  const log = logTo({ write: (line) => lines.push(line) }, level, readByPeople);
  return { log, lines, only: () => JSON.parse(lines[0] ?? "") as Record<string, unknown> };
}

describe("a log line", () => {
  it("has six keys, and no others", () => {
    const { log, only } = logInMemory();
    log.note("info", "market", "Replay begins", { file: "a.csv", ticks: 3n });
    expect(only()).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: "info",
      service: "mt5-bridge",
      component: "market",
      message: "Replay begins",
      context: { file: "a.csv", ticks: "3" },
    });
  });

  it("has a seventh where it belongs to a trace", () => {
    const { log, lines } = logInMemory();
    log.note("info", "orders", "Placed", { order: 7, trace_id: "0af7651916cd43dd8448eb211c80319c" });
    log.note("info", "orders", "Found", { order: 8, trace_id: "" });
    const [traced, untraced] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(traced).toMatchObject({ trace_id: "0af7651916cd43dd8448eb211c80319c", context: { order: 7 } });
    expect(Object.keys(traced ?? {})).toHaveLength(7);
    expect(traced?.["context"]).toEqual({ order: 7 });
    expect(untraced).not.toHaveProperty("trace_id");
  });

  it("has its context even when there is nothing to say in it", () => {
    const { log, only } = logInMemory();
    log.note("warn", "market", "Quiet");
    expect(only()).toMatchObject({ level: "warn", context: {} });
  });

  it("is one line, whatever is in it", () => {
    const { log, lines } = logInMemory();
    log.note("info", "orders", "first\nsecond", { comment: "a\r\nb" });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  });

  it("is written from its severity on", () => {
    const { log, lines } = logInMemory("warn");
    for (const severity of ["debug", "info", "warn", "error"] as const) log.note(severity, "a", severity);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
  });

  it("is text for people, without control of their terminal", () => {
    const { log, lines } = logInMemory("info", true);
    log.note("info", "orders", "Refused \u001b[2J", { comment: "\u001b]0;x\u0007" });
    const text = lines.join("");
    expect(text).toContain("orders: Refused");
    expect(text).not.toContain("[2J".padStart(4, "\u001b"));
    expect(text).not.toContain("\u0007");
    expect(text).not.toMatch(/^\{/);
  });
});

describe("the context of a line", () => {
  it("keeps secrets out, by the names they go by", () => {
    const context = {
      password: "hush",
      MT5_PASSWORD: "hush",
      "api-key": "hush",
      apiKey: "hush",
      accessToken: "hush",
      headers: { Authorization: "Bearer hush", cookie: ["hush"] },
      client_secret: { deep: "hush" },
      map: new Map([["token", "hush"]]),
      login: 7,
    };
    const shown = plain(context);
    expect(JSON.stringify(shown)).not.toContain("hush");
    expect(shown).toMatchObject({ login: 7, password: "[redacted]", headers: { Authorization: "[redacted]" } });
  });

  it("keeps credentials out of text", () => {
    const { log, lines } = logInMemory();
    log.note("error", "store", "cannot reach redis://user:hush@host:6379", { header: "Bearer hushhushhush" });
    log.note("error", "store", "cannot reach redis://:hush@host:6379");
    expect(lines.join()).not.toContain("hush");
    expect(lines.join()).toContain("redis://[redacted]@host:6379");
  });

  it("tells an error's name, message, code, stack and cause, and nothing else it carries", () => {
    const cause = Object.assign(new Error("disk full"), { code: "ENOSPC", request: { body: "hush" } });
    const shown = plain(new Error("cannot write", { cause }));
    expect(shown).toMatchObject({ name: "Error", message: "cannot write", cause: { code: "ENOSPC" } });
    expect(shown).toHaveProperty("stack");
    expect(JSON.stringify(shown)).not.toContain("hush");
  });

  it("tells the fault of an error that is one, and its stack only where it is a bug", () => {
    const violations = [{ field: "volume", description: "must be above 0" }];
    expect(plain(new BridgeError("invalid_argument", "no", { violations }))).toEqual({
      name: "BridgeError",
      message: "no",
      fault: "invalid_argument",
      violations,
      metadata: {},
    });
    expect(plain(new BridgeError("internal", "bug"))).toHaveProperty("stack");
  });

  it("takes anything without a throw, and is bounded", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const trap = {
      get bad(): never {
        throw new Error("no");
      },
    };
    const { log, lines } = logInMemory();
    log.note("error", "a", "odd", {
      cycle,
      trap,
      nan: Number.NaN,
      none: undefined,
      nothing: null,
      call: () => 1,
      symbol: Symbol("s"),
      when: new Date(Number.NaN),
      bytes: new Uint8Array(5),
      set: new Set([1n]),
      long: "x".repeat(1e6),
      many: Array.from({ length: 1e4 }, () => "y"),
      bare: Object.create(null),
      revoked: revoked(),
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(10_000);
    expect(JSON.parse(lines[0] ?? "").context).toMatchObject({
      trap: "unreadable",
      nan: "NaN",
      nothing: null,
      when: "invalid date",
      bytes: "5 bytes",
      set: ["1"],
      revoked: "unreadable",
    });
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("the log of a process", () => {
  const logger = new URL("../../src/telemetry/log.ts", import.meta.url).href;
  const start = (code: string) =>
    spawn("node", ["--input-type=module", "-e", `import { openLog } from ${JSON.stringify(logger)};\n${code}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });

  it("is JSON where no terminal is, and whole once it is closed", async () => {
    const child = start(`
      const log = openLog("info");
      for (let n = 0; n < 1000; n++) log.note("info", "test", "line", { n });
      await log.close();
      process.exit(0);`);
    const lines = (await text(child.stdout)).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).context.n)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  it("is whole though its reader was busy until it was closed", async () => {
    const child = start(`
      const log = openLog("info");
      const text = "x".repeat(1000);
      for (let n = 0; n < 2000; n++) log.note("info", "test", text, { n });
      setTimeout(async () => {
        log.note("info", "test", "the last", { n: 2000 });
        process.stderr.write("closing");
        await log.close();
        process.exit(0);
      }, 50);`);
    await once(child.stderr, "data");
    const lines = (await text(child.stdout)).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).context.n)).toEqual(Array.from({ length: 2001 }, (_, n) => n));
  });

  it("neither waits nor grows while its reader is stuck", async () => {
    const child = start(`
      const log = openLog("info");
      const text = "x".repeat(4000);
      for (let n = 0; n < 50_000; n++) log.note("info", "test", text);
      setTimeout(() => process.stderr.write(String(process.memoryUsage.rss() / 2 ** 20)), 10);`);
    const [mib] = await once(child.stderr.setEncoding("utf8"), "data");
    child.kill("SIGKILL");
    expect(Number(mib)).toBeLessThan(180);
  });

  it("outlives its reader", async () => {
    const child = start(`
      const log = openLog("info");
      log.note("info", "test", "first");
      setInterval(() => log.note("info", "test", "again"), 1);
      setTimeout(() => process.exit(7), 300);`);
    child.stdout.once("data", () => child.stdout.destroy());
    const [code] = await once(child, "exit");
    expect(code).toBe(7);
  });
});
