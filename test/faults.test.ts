/** The fault table is what clients are told in the README, and every row of it can really happen. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { faults } from "../src/core/errors.ts";

const root = new URL("..", import.meta.url).pathname;
const readme = readFileSync(join(root, "README.md"), "utf8");
const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.endsWith("core/errors.ts"))
  .map((file) => readFileSync(join(root, "src", file), "utf8"));

describe.each(Object.entries(faults))("the fault %s", (name, { status, orderMayExist, retry }) => {
  it("is in the README as it is in the table", () => {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name.toUpperCase()}\` |`));
    const [, , code, exists, again] = row?.split("|").map((cell) => cell.trim()) ?? [];
    expect([code, exists, again]).toEqual([status, orderMayExist ? "perhaps" : "no", retry.replaceAll("_", " ")]);
  });

  it("is raised somewhere", () => {
    expect(sources.some((source) => source.includes(`"${name}"`))).toBe(true);
  });
});
