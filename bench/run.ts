/** Every benchmark, or some: `npm run bench`. Prints figures; asserts nothing. */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { optionsOf, wholeOption, wordOption } from "../scripts/options.ts";
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

const usage = `Usage: npm run bench -- [options]

  --quick    one short run each of ${firstLook.join(", ")}; with --only of another
  --only     one benchmark: ${Object.keys(benchmarks).join(", ")}
  --repeats  runs of which the median is told (${full.repeats}; with --quick ${quick.repeats})
  --of       of the servers of ticks, or the terminals of link, those whose name contains one of these words
  --at       ticks under these loads only: ticks a second and subscribers, such as 10000:100
  --json     the file for all tables, for machines
  --svg      the file for the saturation of ticks, as a picture
  --profile  the folder for CPU profiles of the bridge

bench/README.md tells how the figures come about.
`;

const values = optionsOf(usage, {
  quick: { type: "boolean", default: false },
  only: { type: "string" },
  repeats: { type: "string" },
  of: { type: "string", default: "" },
  at: { type: "string" },
  json: { type: "string" },
  svg: { type: "string" },
  profile: { type: "string" },
});
if (values.only !== undefined) wordOption("only", values.only, Object.keys(benchmarks));
if (values.profile !== undefined) profileInto(values.profile);

/** A load of the ticks, as `--at` has it. */
const nameOf = ({ rate, subscribers }: TickCell): string => `${rate}:${subscribers}`;

const preset = values.quick ? quick : full;
const loads = preset.tickCells.map(nameOf);
const asked = values.at?.split(",") ?? loads;
for (const load of asked) wordOption("at", load, loads);
const parts = values.of.toLowerCase().split(",");
const size: Size = {
  ...preset,
  repeats: values.repeats === undefined ? preset.repeats : wholeOption("repeats", values.repeats, 1),
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
