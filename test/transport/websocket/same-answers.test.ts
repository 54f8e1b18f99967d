import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { caseServices, cases, expectedOf, seenIn } from "../cases.ts";
import { askingOver } from "./asking.ts";
import { dialects, type Speaking, speaking } from "./speaking.ts";

let server: Speaking;

beforeAll(async () => {
  server = await speaking(caseServices());
});

afterAll(() => server.stop());

describe.each(dialects)("over %s", (spoken) => {
  it.each(cases)("$name, as everywhere", async (one) => {
    const outcome = await askingOver(server.port, spoken)(one.method, one.request);
    expect(seenIn(one, outcome, one.method)).toEqual(expectedOf(one));
  });
});
