import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mutants } from "./mutants.ts";

/** What of the mutants no longer fits the sources. */
export function drifted(root: string): string[] {
  return mutants.flatMap(({ name, edits }) =>
    edits.flatMap(({ file, text }) => {
      const times = readFileSync(join(root, file), "utf8").split(text).length - 1;
      return times === 1 ? [] : `"${name}": its text stands ${times} times in ${file}, not once`;
    }),
  );
}
