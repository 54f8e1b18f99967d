/** The bridge in a simulated world of faults, seed by seed: `npm run simulate`. */
import { optionsOf, wholeOption } from "../../scripts/options.ts";
import { drawFaults } from "./faults.ts";
import { enough, neverFired } from "./fired.ts";
import { type Result, simulate } from "./run.ts";
import { simulateAll } from "./seeds.ts";
import { shrink } from "./shrink.ts";

/** So many failing seeds are shrunk; each takes some dozens of runs. */
const shrunkAtMost = 5;

const usage = `Usage: npm run simulate -- [--seeds <n>] [--from <seed>] [--until-failure] [--plain] [--linked]
       npm run simulate -- --seed <seed> [--faults <numbers>] [--linked]

  --seeds          how many (1000)
  --from           the first of them (1)
  --until-failure  ends with the first that breaks a promise
  --plain          seeds that break one are not shrunk to the faults that it takes
  --linked         the terminal is a live one, behind the link's real protocol
  --seed           one, told in full
  --faults         of that seed only these, by their numbers, separated by commas

Ends with the line "N passed, M failed", alone on it.
`;

const values = optionsOf(usage, {
  seeds: { type: "string", default: "1000" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  faults: { type: "string" },
  "until-failure": { type: "boolean", default: false },
  plain: { type: "boolean", default: false },
  linked: { type: "boolean", default: false },
});

const { linked } = values;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function showWrong({ wrong }: Result): void {
  for (const sentence of wrong.slice(0, 10)) say(`  ${sentence}`);
  if (wrong.length > 10) say(`  and ${wrong.length - 10} more`);
}

async function one(seed: number): Promise<boolean> {
  const drawn = drawFaults(seed);
  const numbers = values.faults?.split(",").filter((text) => text !== "");
  const chosen = numbers?.map((text) => wholeOption("faults", text, 0));
  const faults = chosen === undefined ? drawn : drawn.filter(({ number }) => chosen.includes(number));
  const result = await simulate({ seed, faults, told: true, linked });
  say(`seed ${seed}: ${faults.length} faults`);
  for (const { number, kind, at } of faults) say(`  ${String(number).padStart(3)} ${kind} at ${at} ms`);
  say("what happened, by milliseconds:");
  for (const line of result.lines) say(line);
  for (const [what, times] of result.fired) say(`fired: ${what} ${times}`);
  say(`hash ${result.hash}`);
  showWrong(result);
  return result.wrong.length === 0;
}

async function many(from: number, seeds: number): Promise<[number, number]> {
  const { passed, failed, counts, turns, seconds } = await simulateAll({
    ...{ from, seeds, linked },
    untilFailure: values["until-failure"],
  });
  const all = passed + failed.length;
  say(
    `seeds ${from} to ${from + all - 1}: ${turns} turns in ${seconds.toFixed(1)} s, ${(all / seconds).toFixed(0)} seeds a second`,
  );
  say("how often each fault has fired:");
  for (const [what, times] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) say(`  ${what.padEnd(24)} ${times}`);
  const missing = values["until-failure"] || seeds < enough ? [] : neverFired(counts);
  for (const what of missing) say(`never happened, and has to: ${what}`);
  for (const { seed, wrong } of failed.slice(0, shrunkAtMost)) {
    if (values.plain) {
      say(`seed ${seed}: ${wrong[0]?.split("\n")[0]}`);
      continue;
    }
    const { faults, result, runs } = await shrink(seed, linked);
    say(`seed ${seed} breaks a promise, with ${faults.length} faults (${runs} runs to find out):`);
    for (const { number, kind, at } of faults) say(`  ${String(number).padStart(3)} ${kind} at ${at} ms`);
    showWrong(result);
    say(
      `  again: npm run simulate -- --seed ${seed} --faults "${faults.map(({ number }) => number).join(",")}"${linked ? " --linked" : ""}`,
    );
  }
  if (failed.length > shrunkAtMost) {
    say(
      `further seeds: ${failed
        .slice(shrunkAtMost)
        .map(({ seed }) => seed)
        .join(" ")}`,
    );
  }
  if (missing.length > 0) process.exitCode = 1;
  return [passed, failed.length];
}

const [passed, failed] =
  values.seed === undefined
    ? await many(wholeOption("from", values.from, 0), wholeOption("seeds", values.seeds, 1))
    : (await one(wholeOption("seed", values.seed, 0)))
      ? [1, 0]
      : [0, 1];
say(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
