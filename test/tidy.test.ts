// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the samples are code in strings
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  blanked,
  consoleUses,
  cycles,
  environmentReads,
  hiddenImports,
  importsOf,
  impurities,
  namesOfOneTerminal,
  type SourceFile,
  undeclared,
  unimported,
  vagueNames,
  wrongArrows,
} from "./tidy.ts";

const root = new URL("../", import.meta.url).pathname;
const filesOf = (...patterns: string[]): SourceFile[] =>
  globSync(patterns, { cwd: root, exclude: ["node_modules/**"] })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.\w+$|^\.ci\//.test(path))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

describe("the source", () => {
  const src = filesOf("src/**/*.ts");
  const gen = filesOf("gen/**/*.ts");
  const { dependencies, devDependencies, scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Package;

  it("is there", () => expect(src.length).toBeGreaterThan(20));
  it("follows the arrows of the architecture", () => expect(wrongArrows([...src, ...gen])).toEqual([]));
  it("has no imports that cannot be followed, and no barrels", () => expect(hiddenImports(src)).toEqual([]));
  it("has no cycles", () => expect(cycles([...src, ...gen])).toEqual([]));
  it("has names that say something", () => expect(vagueNames(src.map(({ path }) => path))).toEqual([]));
  it("keeps clocks, timers, chance and the process out of core", () => expect(impurities(src)).toEqual([]));
  it("treats one terminal like another", () => expect(namesOfOneTerminal(src)).toEqual([]));
  it("does not write to the console", () => expect(consoleUses(src)).toEqual([]));
  it("reads the environment in one place", () => expect(environmentReads(src)).toEqual([]));

  it("imports every dependency it ships with, and no other package", () => {
    expect(unimported(Object.keys(dependencies), [...src, ...gen])).toEqual([]);
    expect(undeclared(Object.keys(dependencies), [...src, ...gen])).toEqual([]);
  });

  it("has a use for every development dependency", () => {
    const users = filesOf(
      "test/**/*.ts",
      "bench/**/*.ts",
      "scripts/**",
      "*.yaml",
      "*.config.ts",
      "tsconfig*.json",
      ".ci/*",
    );
    const used = [...Object.values(scripts), ...users.map(({ text }) => text)].join("\n");
    const unused = Object.keys(devDependencies).filter((name) => !wordsFor(name).some((word) => mentions(used, word)));
    expect(unused).toEqual([]);
  });

  /** What a package goes by: its name, its commands, and for types what they describe. */
  function wordsFor(name: string): string[] {
    const manifest = `${root}node_modules/${name}/package.json`;
    const { bin = {} } = (existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")) : {}) as {
      bin?: string | object;
    };
    const commands = typeof bin === "string" ? [name.replace(/^.*\//, "")] : Object.keys(bin);
    return [name, ...commands, ...(name.startsWith("@types/") ? [`"${name.slice(7)}"`] : [])];
  }
  function mentions(text: string, word: string): boolean {
    return new RegExp(`(?<![\\w@/-])${word.replace(/[^\w-]/g, "\\$&")}(?![\\w-])`).test(text);
  }
});

describe("the rules notice", () => {
  const file = (path: string, text = ""): SourceFile => ({ path, text });

  it.each([
    ["core importing a layer", "src/core/a.ts", 'import { b } from "../store/sqlite/b.ts";'],
    ["core importing a package", "src/core/a.ts", 'import { z } from "zod";'],
    ["core importing from Node", "src/core/a.ts", 'import { readFile } from "node:fs";'],
    ["core importing a type of another layer", "src/core/a.ts", 'import type { B } from "../contract/b.ts";'],
    ["core importing for its effect", "src/core/a.ts", 'import "../telemetry/log.ts";'],
    ["core importing later", "src/core/a.ts", 'const b = await import("../contract/b.ts");'],
    ["core importing a type in place", "src/core/a.ts", 'let b: import("../contract/b.ts").B;'],
    ["core re-exporting", "src/core/a.ts", 'export { b } from "../contract/b.ts";'],
    ["an import over many lines", "src/core/a.ts", 'import {\n  a,\n  b,\n} from\n  "../contract/b.ts";'],
    ["core requiring a package", "src/core/a.ts", 'const b = createRequire(import.meta.url)("lzma1");'],
    ["a worker of another layer", "src/core/a.ts", 'new Worker(new URL("../store/sqlite/w.ts", import.meta.url));'],
    ["a terminal importing its sibling", "src/terminals/paper/a.ts", 'import { b } from "../live/b.ts";'],
    ["a store importing the contract", "src/store/sqlite/a.ts", 'import { b } from "../../contract/b.ts";'],
    ["a transport importing its sibling", "src/transport/grpc/a.ts", 'import { b } from "../connect/b.ts";'],
    ["a shared transport file importing one of them", "src/transport/pump.ts", 'import { b } from "./grpc/b.ts";'],
    ["a transport importing gen", "src/transport/grpc/a.ts", 'import { b } from "../../../gen/b.ts";'],
    [
      "the contract importing the terminals' wire",
      "src/contract/a.ts",
      'import { b } from "../../gen/ts/mt5bridge/terminal/v1/b.ts";',
    ],
    [
      "the live terminal importing the contract's wire",
      "src/terminals/live/a.ts",
      'import { b } from "../../../gen/b.ts";',
    ],
    [
      "another terminal importing the live one's wire",
      "src/terminals/paper/a.ts",
      'import { b } from "../../../gen/ts/mt5bridge/terminal/v1/b.ts";',
    ],
    ["telemetry importing a terminal", "src/telemetry/a.ts", 'import { b } from "../terminals/paper/b.ts";'],
    ["main importing gen", "src/main.ts", 'import { b } from "../gen/b.ts";'],
    ["core importing the wiring", "src/core/a.ts", 'import { b } from "../banner.ts";'],
    ["a layer importing the manifest", "src/telemetry/a.ts", 'import m from "../../package.json";'],
    ["the configuration importing core", "src/config.ts", 'import { b } from "./core/b.ts";'],
    ["a part of the configuration importing core", "src/config/a.ts", 'import { b } from "../core/b.ts";'],
    ["the configuration importing a further package", "src/settings.ts", 'import { pino } from "pino";'],
    ["src importing a test", "src/contract/a.ts", 'import { b } from "../../test/b.ts";'],
    ["anybody importing main", "src/contract/a.ts", 'import { b } from "../main.ts";'],
    ["a file outside every layer", "src/orders.ts", ""],
    ["a folder outside every layer", "src/lib/a.ts", ""],
    ["a file between the terminals", "src/terminals/a.ts", ""],
  ])("%s", (_, path, text) => expect(wrongArrows([file(path, text)])).toHaveLength(1));

  it("no harm in the arrows of the table", () => {
    const fine = [
      file(
        "src/core/orders/a.ts",
        'import type { B } from "../model/b.ts"; // not from "zod"\nconst s = `from "zod"`;',
      ),
      file(
        "src/contract/a.ts",
        'import { b } from "../core/b.ts"; import { g } from "../../gen/g.ts"; import { c } from "@bufbuild/protobuf";',
      ),
      file("src/transport/grpc/a.ts", 'import { b } from "../pump.ts"; import { c } from "../../contract/c.ts";'),
      file("src/terminals/live/a.ts", 'import { b } from "../../../gen/ts/mt5bridge/terminal/v1/b.ts";'),
      file("src/store/sqlite/a.ts", 'import { b } from "./b.ts"; import { DatabaseSync } from "node:sqlite";'),
      file(
        "src/config.ts",
        'import { s } from "./settings.ts"; import { parse } from "yaml"; import { isIP } from "node:net";',
      ),
      file(
        "src/main.ts",
        'import { s } from "./store/sqlite/s.ts"; import { p } from "./terminals/paper/p.ts"; import m from "../package.json";',
      ),
    ];
    expect(wrongArrows(fine)).toEqual([]);
  });

  it("a cycle, short or long, and by types alone", () => {
    const ring = [
      file("src/core/a.ts", 'import { b } from "./b.ts";'),
      file("src/core/b.ts", 'import type { C } from "./c.ts";'),
      file("src/core/c.ts", 'import { a } from "./a.ts"; import { d } from "./d.ts";'),
      file("src/core/d.ts", 'import { d } from "./d.ts";'),
    ];
    expect(cycles(ring)).toEqual([
      "src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts",
      "src/core/d.ts → src/core/d.ts",
    ]);
    expect(
      cycles([file("src/core/a.ts", 'import "./b.ts"; import "./c.ts";'), file("src/core/b.ts", 'import "./c.ts";')]),
    ).toEqual([]);
  });

  it("a vague name, of a file or a folder", () => {
    const names = ["utils.ts", "order-helpers.ts", "common/a.ts", "order-manager.ts", "base.ts", "misc.ts", "index.ts"];
    expect(vagueNames([...names, "order-book.ts", "database.ts", "order-index.ts"])).toEqual(names);
  });

  it.each([
    "Date.now()",
    "new Date()",
    "new Date( )",
    "new Date",
    "Date()",
    "performance.now()",
    "setTimeout(f, 1)",
    "setInterval(f)",
    "setImmediate(f)",
    "AbortSignal.timeout(5)",
    "Math.random()",
    "crypto.randomUUID()",
    "process.pid",
    "process?.env",
    "fetch(url)",
    "`${Date.now()}`",
    "`a ${`b ${Math.random()}`} c`",
    "x / 2; Date.now(); y / 2",
  ])("%s in core", (text) => {
    expect(impurities([file("src/core/a.ts", `const a = ${text};`)])).toHaveLength(1);
    expect(impurities([file("src/telemetry/a.ts", `const a = ${text};`)])).toEqual([]);
  });

  it.each([
    "new Date(0)",
    "new Date(utc).getUTCDay()",
    "Date.UTC(2020, 0)",
    '"Date.now()"',
    "1; // Date.now()",
    "/setTimeout/",
    "`crypto`",
  ])("no harm in %s in core", (text) => expect(impurities([file("src/core/a.ts", `const a = ${text};`)])).toEqual([]));

  it("the name of one terminal, in a comment too, and in a file's name", () => {
    const text = "const a = 1;\n// as the Paper terminal does";
    expect(namesOfOneTerminal([file("src/core/a.ts", text)])).toEqual(["src/core/a.ts:2"]);
    expect(namesOfOneTerminal([file("src/core/paper-order.ts", "a")])).toEqual(["src/core/paper-order.ts:1"]);
    for (const path of ["src/main.ts", "src/config.ts", "src/settings.ts", "src/help.ts", "src/terminals/paper/a.ts"]) {
      expect(namesOfOneTerminal([file(path, text)])).toEqual([]);
    }
  });

  it("the console, and the environment where it must not be read", () => {
    expect(consoleUses([file("src/core/a.ts", "console.log(1)"), file("src/core/b.ts", "// console.log")])).toEqual([
      "src/core/a.ts",
    ]);
    const reads = "const a = process.env.HOME;";
    expect(environmentReads([file("src/telemetry/a.ts", reads), file("src/main.ts", reads)])).toEqual([
      "src/telemetry/a.ts",
    ]);
  });

  it("barrels, require and computed imports", () => {
    const hidden = ['export * from "./a.ts";', 'const a = require("a");', "await import(name);"];
    for (const text of hidden) expect(hiddenImports([file("src/core/a.ts", text)])).toHaveLength(1);
    expect(hiddenImports([file("src/core/a.ts", 'await import("./b.ts"); // require(this)')])).toEqual([]);
  });

  it("a package without a use, and a use without a package", () => {
    const files = [file("src/contract/a.ts", 'import { a } from "@scope/used/deep"; import { b } from "plain";')];
    expect(unimported(["@scope/used", "plain", "idle"], files)).toEqual(["idle"]);
    expect(undeclared(["@scope/used"], files)).toEqual(["src/contract/a.ts imports plain"]);
  });

  it("code from what only looks like it", () => {
    expect(blanked('a("x//y"); // b')).toBe('a("    ");     ');
    expect(blanked("a = /[/\"']`/g; b / c / d")).toBe("a = /       g; b / c / d");
    expect(blanked("b(`c${d({e: `f`})}g`)")).toBe("b(` ${d({e: ` `})} `)");
    expect(importsOf({ path: "src/core/a.ts", text: "const q = /\"/; import { b } from './b.ts';" })).toHaveLength(1);
  });
});
