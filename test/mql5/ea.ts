/**
 * The Expert Advisor as a process over a scripted broker:
 *
 *     node test/mql5/ea.ts          builds .tools/mql5/ea-harness, if it is not of these sources, and tells where it is
 *
 * The environment says how it runs. To whom it dials: BRIDGE_ADDRESS, BRIDGE_TOKEN. What outlives it: TERMINAL_STATE, a folder.
 * The terminal: TERMINAL_LOGIN, TERMINAL_SERVER, TERMINAL_TRADE_MODE, TERMINAL_MARGIN_MODE (0 netting, 2 hedging),
 * TERMINAL_SYMBOLS, TERMINAL_LATENCY_MS, TERMINAL_EXECUTION_MS, TERMINAL_HISTORY_LAG_MS, TERMINAL_SEED, TERMINAL_DIE
 * (`STEP:N`), TERMINAL_TLS_PORT (which has TLS by itself, as 443 has). SSL_CERT_FILE: whose certificates are taken. Prices: TERMINAL_TICK_RATE, ticks a second of each symbol; TERMINAL_WANDER=1, they move. MQL5_CLOCK=machine: stamps
 * are of the machine's monotonic clock. Any input of the program: INPUT_name. What an order's comment can ask of the
 * broker: terminal/broker.hpp. What can be said to it while it runs: harness.cpp.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, compiler, openSsl } from "./build.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const program = join(project, "clients/terminal/mql5");
const generated = join(project, "gen/mql5");
const language = join(project, "test/mql5");

/** Whether it can be built here. */
export const eaCanBeBuilt = compiler !== undefined;
/** And whether it then has TLS. */
export const eaHasTls = eaCanBeBuilt && openSsl() !== undefined;

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Where it is, built anew only when a source has changed. */
export function eaHarness(sanitized = false): string {
  const sources = [
    ...filesBelow(program, /\.mq[5h]$/),
    ...filesBelow(generated, /\.mqh$/),
    ...filesBelow(language, /\.(hpp|cpp)$|(translate|tokens|build)\.ts$/),
  ];
  const hash = createHash("sha256").update(`${sanitized} ${openSsl()}`);
  for (const source of sources) hash.update(`${source}\n`).update(readFileSync(source));
  const folder = join(project, ".tools/mql5", hash.digest("hex").slice(0, 16));
  const harness = join(folder, "ea-harness");
  if (existsSync(harness)) return harness;
  // As a trader installs it: everything in one folder. Two who build at once do not meet.
  const mine = `${folder}.${process.pid}`;
  mkdirSync(mine, { recursive: true });
  for (const source of [...filesBelow(program, /\.mq[5h]$/), ...filesBelow(generated, /\.mqh$/)]) {
    cpSync(source, join(mine, source.split("/").at(-1) as string));
  }
  const host = readFileSync(join(language, "harness.cpp"), "utf8");
  try {
    build({ file: join(mine, "mt5-bridge.mq5"), host, shims: ["terminal.hpp"], sanitized }, join(mine, "ea-harness"));
  } catch (error) {
    rmSync(mine, { recursive: true });
    throw error;
  }
  if (existsSync(folder)) rmSync(mine, { recursive: true });
  else renameSync(mine, folder);
  return harness;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${eaHarness(process.argv.includes("--sanitized"))}\n`);
}
