/**
 * npm run bench -- [--quick] [--only <benchmark>] [--repeats <n>] [--of <servers of ticks>] [--at <loads of ticks>] [--json <file>] [--svg <file>] [--profile <folder>]
 *
 * Prints figures; asserts nothing.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { profileInto, usual } from "./bridge.ts";
import { chart } from "./chart.ts";
import { benchConnections } from "./connections.ts";
import { benchHistory } from "./history.ts";
import { benchIngest } from "./ingest.ts";
import { benchKillSwitch } from "./kill-switch.ts";
import { benchLink } from "./link.ts";
import { machineNote } from "./machine.ts";
import { benchOrders } from "./orders.ts";
import { benchOrdersUnderTicks } from "./orders-under-ticks.ts";
import { benchRecovery } from "./recovery.ts";
import { full, quick, type Size } from "./size.ts";
import { benchSlowReaders } from "./slow-readers.ts";
import { benchStart } from "./start.ts";
import { printed } from "./table.ts";
import { benchTicks, type TickCell } from "./ticks.ts";
import { benchTracing } from "./tracing.ts";
import { benchTransports } from "./transports.ts";

const benchmarks: Readonly<Record<string, (size: Size) => Promise<void>>> = {
  start: benchStart,
  transports: benchTransports,
  connections: benchConnections,
  orders: benchOrders,
  tracing: benchTracing,
  ordersUnderTicks: benchOrdersUnderTicks,
  ticks: benchTicks,
  slowReaders: benchSlowReaders,
  ingest: benchIngest,
  history: benchHistory,
  switch: benchKillSwitch,
  link: benchLink,
  recovery: benchRecovery,
};

/** What a first look is at: together they take less than 90 s. */
const firstLook = ["orders", "ticks", "ingest", "history"];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    repeats: { type: "string" },
    of: { type: "string", default: "" },
    at: { type: "string" },
    json: { type: "string" },
    svg: { type: "string" },
    profile: { type: "string" },
  },
});
if (values.only !== undefined && benchmarks[values.only] === undefined) {
  process.stderr.write(`--only takes one of ${Object.keys(benchmarks).join(", ")}\n`);
  process.exit(1);
}
if (values.profile !== undefined) profileInto(values.profile);

/** A load of the ticks, as `--at` has it. */
const nameOf = ({ rate, subscribers }: TickCell): string => `${rate}:${subscribers}`;

const preset = values.quick ? quick : full;
const loads = preset.tickCells.map(nameOf);
const asked = values.at?.split(",") ?? loads;
const unknown = asked.find((load) => !loads.includes(load));
if (unknown !== undefined) {
  process.stderr.write(`--at takes ${loads.join(", ")}, not ${unknown}\n`);
  process.exit(1);
}
const parts = values.of.toLowerCase().split(",");
const size: Size = {
  ...preset,
  repeats: Number(values.repeats ?? preset.repeats),
  of: (name) => parts.some((part) => name.toLowerCase().includes(part)),
  at: (cell) => asked.includes(nameOf(cell)),
};
const began = performance.now();
const machine = machineNote();
process.stdout.write(
  `${machine}\n${relative(".", usual)}; ${size.repeats === 1 ? "one run each" : `medians of ${size.repeats} runs`}\n`,
);
const chosen = values.only !== undefined ? [values.only] : values.quick ? firstLook : Object.keys(benchmarks);
for (const name of chosen) await benchmarks[name]?.(size);
process.stdout.write(`\n${Math.round((performance.now() - began) / 1000)} s in all\n`);
const date = new Date().toISOString();
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine, date, tables: printed }, undefined, 2)}\n`);
if (values.svg !== undefined) writeFileSync(values.svg, chart(`${machine}, ${date.slice(0, 10)}`));
