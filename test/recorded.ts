/**
 * Where recorded broker data lies: beside the repository, never in it.
 *
 * Tests on recordings are left out, by a title that says so, where the recordings are
 * missing; in continuous integration a missing recording is a failure.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

export const recorded = fileURLToPath(new URL("../../shared/data", import.meta.url));
const hasRecorded = existsSync(recorded);
const { CI: inContinuousIntegration } = process.env;

/** A recording's bytes, unpacked when its name ends in ".gz". */
export function recording(path: string): Buffer {
  const bytes = readFileSync(`${recorded}/${path}`);
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** As `describe`, for tests that need recordings. */
export function describeRecorded(title: string, tests: () => void): void {
  if (hasRecorded) describe(title, tests);
  else if (inContinuousIntegration) it(`${title}: has its recordings`, () => expect(hasRecorded).toBe(true));
  else it.skip(`${title} [SKIPPED: no recorded data in ${recorded}]`, () => {});
}
