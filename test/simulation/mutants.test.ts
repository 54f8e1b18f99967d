/** The bugs that the simulator is tested with can be planted: a source that changes takes its bug with it. */
import { expect, it } from "vitest";
import { drifted } from "./mutants/drift.ts";

it("each text that a bug takes the place of stands in its source once", () => {
  expect(drifted(new URL("../../", import.meta.url).pathname)).toEqual([]);
});
