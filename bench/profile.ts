/** Where the time went: a V8 CPU profile as a table of functions by their own time. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { printTable } from "./table.ts";

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 25;
const root = fileURLToPath(new URL("../", import.meta.url));

/** One table for each thread of the process that has computed for a tenth of a second or more. */
export function reportProfile(name: string, folder: string, pid: number | undefined): void {
  for (const path of globSync(`${folder}/CPU.*.${pid}.*.cpuprofile`)) {
    const { busy, total, rows } = ownTimes(JSON.parse(readFileSync(path, "utf8")) as CpuProfile);
    if (busy < 100) continue;
    const title = `${name}: ${Math.round(busy)} ms busy of ${Math.round(total)} ms (${path})`;
    printTable(
      title,
      ["function", "ms", "% of busy"],
      rows.slice(0, SHOWN).map(([where, ms]) => [where, ms, (100 * ms) / busy]),
    );
  }
}

function ownTimes({ nodes, samples, timeDeltas }: CpuProfile) {
  const names = new Map(
    nodes.map(({ id, callFrame }) => {
      const file = callFrame.url.replace("file://", "").replace(root, "").replace("node_modules/", "");
      return [id, `${callFrame.functionName || "(anonymous)"} ${file}${file && `:${callFrame.lineNumber + 1}`}`];
    }),
  );
  const own = new Map<string, number>();
  let total = 0;
  for (const [i, sample] of samples.entries()) {
    const ms = (timeDeltas[i] ?? 0) / 1000;
    const where = names.get(sample) ?? "(unknown)";
    own.set(where, (own.get(where) ?? 0) + ms);
    total += ms;
  }
  const idle = own.get("(idle) ") ?? 0;
  own.delete("(idle) ");
  return { busy: total - idle, total, rows: [...own].sort(([, a], [, b]) => b - a) };
}
