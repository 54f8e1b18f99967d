import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, compiler } from "./build.ts";
import { translate } from "./translate.ts";

const folder = mkdtempSync(join(tmpdir(), "mql5-language-"));
afterAll(() => rmSync(folder, { recursive: true }));

const here = new URL(".", import.meta.url).pathname;

/** Runs one function of the program, with two of its inputs set. */
const host = `
int main(int, char **argv) {
  for (const char *name : {"Address=10.0.0.1", "MaxVolume=0.25"}) {
    const std::string text(name);
    const auto equals = text.find('=');
    if (!mql::inputs().at(text.substr(0, equals))(text.substr(equals + 1))) return 2;
  }
  if (mql::inputs().at("Port")("many")) return 3;
  const std::string which = argv[1];
  if (which == "out of range") program::OutOfRange(4);
  else if (which == "dangling") program::Dangling();
  else if (which == "unflushed") program::ReadBehindWriting();
  else if (which == "format") program::Print(program::StringFormat("%d", 1L << 40));
  else return program::OnInit();
}`;

describe.skipIf(compiler === undefined)("a program of MQL5, as C++", () => {
  beforeAll(() => build({ file: `${here}programs/language.mq5`, host }, join(folder, "language")), 120_000);
  const run = (which: string): { status: number | null; signal: string | null; said: string } => {
    const env = { ...process.env, MQL5_FILES: folder };
    const { status, signal, stderr } = spawnSync(join(folder, "language"), [which], { encoding: "utf8", env });
    return { status, signal, said: stderr };
  };

  it("does what it does in the terminal", () => {
    expect(run("all")).toEqual({ status: 0, signal: null, said: "good\n" });
  });

  it.each([
    ["out of range", "array out of range"],
    ["dangling", "invalid pointer access"],
    ["unflushed", "a file is read behind writing without FileFlush"],
    ["format", "StringFormat: a number of 8 bytes needs I64 before its letter"],
  ])("is stopped when something is %s", (which, why) => {
    const { signal, said } = run(which);
    expect([signal, said]).toEqual(["SIGABRT", `critical error: ${why}\n`]);
  });
});

describe("the translation", () => {
  const translated = (text: string): string => {
    writeFileSync(join(folder, "program.mq5"), text);
    return translate(join(folder, "program.mq5"));
  };

  it.each([
    ["a DLL", '#import "user32.dll"', /program\.mq5:1: #import is not translated/],
    ["a file of the terminal's own", "#include <Trade\\Trade.mqh>", /only files of the project/],
    ["a colour", "int a = C'1,2,3';", /colours are not translated/],
    ["an input without a value", "input int a;", /an input is written/],
    ["a bracket that stays open", "void f() { int a[2; }", /the bracket is not closed/],
  ])("refuses %s", (_, text, why) => expect(() => translated(text)).toThrow(why));

  it("tells the compiler the lines of the files it was made of", () => {
    writeFileSync(join(folder, "part.mqh"), "int part;\n");
    const lines = translated('\n#include "part.mqh"\nint behind;\n').split("\n");
    const at = lines.indexOf("int behind;");
    expect(lines[at - 1]).toMatch(/^#line 3 ".*program\.mq5"$/);
    expect(lines[lines.indexOf("int part;") - 1]).toMatch(/^#line 1 ".*part\.mqh"$/);
  });
});
