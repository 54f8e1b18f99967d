import { describe, expect, it } from "vitest";
import { tool } from "./tools.ts";

describe("a tool of the tests", () => {
  it("is found where it is", () => expect(tool("node")).toMatch(/\/node$/));
  it("is undefined where it is not", () => expect(tool("no-such-program")).toBeUndefined());
});
