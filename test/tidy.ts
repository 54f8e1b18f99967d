/**
 * The rules of the house, as functions over source files.
 *
 * They look at code with comments and the contents of strings blanked out, so that what
 * is only talked about does not count. Positions stay the same, and a specifier is read
 * from the original at the place where the blanked code shows an import.
 */
import { posix } from "node:path";

export interface SourceFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly from: string;
  /** A path of the project, a package's name, or a node: module. */
  readonly to: string;
  readonly kind: "file" | "package" | "node";
}

/** Who may import whom, besides itself. What is not in this table has no place in src. */
// biome-ignore format: a table is read by its rows
const arrows: Readonly<Record<string, readonly string[]>> = {
  core:      [],
  gen:       [],
  "gen/terminal": ["gen"],
  contract:  ["core", "gen"],
  transport: ["core", "contract"],
  telemetry: ["core"],
  config:    [],
  edge:      ["core", "contract", "transport", "transport/*", "telemetry", "config", "manifest"], // no terminal, no store
  main:      ["edge", "core", "contract", "transport", "transport/*", "terminals/*", "store", "store/*", "telemetry", "config", "manifest"],
  "transport/*": ["core", "contract", "transport"],
  "transport/http": ["core", "contract", "transport", "transport/connect"], // one port is both: Connect is plain HTTP
  "terminals/*": ["core"],
  "terminals/live": ["core", "gen/terminal"], // what it says to its terminals is no part of the contract
  store:         ["core"], // what every store of a journal is made of
  "store/*":     ["core", "store"],
};

/** Where a file belongs: terminals/paper and store/sqlite are places of their own. */
function placeOf(path: string): string | undefined {
  if (path.startsWith("gen/")) return path.includes("/mt5bridge/terminal/") ? "gen/terminal" : "gen";
  if (/^src\/(main|banner|bridge\/[\w-]+)\.ts$/.test(path)) return "main";
  if (path === "package.json") return "manifest";
  if (/^src\/(config|settings|help|config\/[\w-]+)\.ts$/.test(path)) return "config";
  const [, first = "", second = "", third] = path.split("/");
  if (["transport", "store"].includes(first) && third === undefined) return first;
  if (["transport", "terminals", "store"].includes(first))
    return third === undefined ? undefined : `${first}/${second}`;
  return ["core", "contract", "telemetry", "edge"].includes(first) && second !== "" ? first : undefined;
}

const ruleOf = (place: string): string => place.replace(/\/.*/, "/*");

/** An arrow that is not in the table. */
export function wrongArrows(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const place = placeOf(file.path);
    if (place === undefined) return [`${file.path} has no place in the architecture`];
    const allowed = arrows[place] ?? arrows[ruleOf(place)] ?? [];
    return importsOf(file).flatMap(({ to, kind }) => {
      if (kind !== "file") return packageAllowed(place, to, kind) ? [] : [`${file.path} imports ${to}`];
      const target = placeOf(to);
      const fine =
        target === place || (target !== undefined && [target, ruleOf(target)].some((to) => allowed.includes(to)));
      return fine ? [] : [`${file.path} imports ${to}`];
    });
  });
}

function packageAllowed(place: string, name: string, kind: "package" | "node"): boolean {
  if (place === "core") return false;
  return place !== "config" || kind === "node" || ["zod", "yaml"].includes(name);
}

/** Imports that no reader of the code can follow. */
export function hiddenImports(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const code = blanked(text);
    const found = [
      ...(/\brequire\s*\(/.test(code) ? ["require"] : []),
      ...(/\bimport\s*\(\s*(?!["'\s])/.test(code) ? ["an import of a computed name"] : []),
      ...(/\bexport\s*\*/.test(code) ? ["export *, as barrels do"] : []),
    ];
    return found.map((what) => `${path} has ${what}`);
  });
}

/** Files that import each other in a circle; each circle once. */
export function cycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter(({ kind }) => kind === "file")
        .map(({ to }) => to),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

const vague = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "manager",
  "managers",
  "base",
  "misc",
  "shared",
]);

/** Names that say nothing of what is inside. */
export function vagueNames(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    const words = path.replace(/\.\w+$/, "").split("/");
    return words.at(-1) === "index" || words.some((word) => word.split(/[-_.]/).some((part) => vague.has(part)));
  });
}

// biome-ignore format: a table is read by its rows
const impure: readonly (readonly [string, RegExp])[] = [
  ["the clock",    /\bDate\.now\b|\bnew Date\s*(?:\(\s*\)|(?!\s*\())|(?<!new )\bDate\s*\(|\bperformance\b|\bhrtime\b|\bTemporal\b/],
  ["a timer",      /\b(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\.timeout\b/],
  ["chance",       /\bMath\.random\b|\bcrypto\b/],
  ["the process",  /\bprocess\s*[.[?]/],
  ["the network",  /\bfetch\s*\(|\bWebSocket\b/],
];

/** What core must get from outside. */
export function impurities(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => placeOf(path) === "core")
    .flatMap(({ path, text }) =>
      impure.filter(([, pattern]) => pattern.test(blanked(text))).map(([what]) => `${path} uses ${what}`),
    );
}

/** The word for one terminal among others, where it must make no difference; in comments too. */
export function namesOfOneTerminal(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !["main", "config", "terminals/paper", "gen"].includes(placeOf(path) ?? ""))
    .flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) => (/paper/i.test(line) || /paper/i.test(path) ? [`${path}:${index + 1}`] : [])),
    );
}

export function consoleUses(files: readonly SourceFile[]): string[] {
  return files.filter(({ text }) => /\bconsole\s*[.[?]/.test(blanked(text))).map(({ path }) => path);
}

/** Only the configuration reads the environment; main hands it over. */
export function environmentReads(files: readonly SourceFile[]): string[] {
  return files
    .filter(
      ({ path, text }) =>
        !["main", "config"].includes(placeOf(path) ?? "") && /\bprocess\s*\.\s*env\b/.test(blanked(text)),
    )
    .map(({ path }) => path);
}

/** Of these packages, those that no file imports. */
export function unimported(packages: readonly string[], files: readonly SourceFile[]): string[] {
  const imported = new Set(files.flatMap(importsOf).map(({ to }) => to));
  return packages.filter((name) => !imported.has(name));
}

/** Packages that are imported without being a dependency of what is shipped. */
export function undeclared(packages: readonly string[], files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ kind, to }) => kind === "package" && !packages.includes(to))
      .map(({ to }) => `${file.path} imports ${to}`),
  );
}

export function importsOf(file: SourceFile): Import[] {
  const code = blanked(file.text);
  const places = [
    ...code.matchAll(/(?<![.\w])(?:from|import)\s*(?=["'])/g),
    ...code.matchAll(/\bimport\s*\(\s*(?=["'])/g),
    ...code.matchAll(/\bcreateRequire\(import\.meta\.url\)\(\s*(?=["'])/g),
    ...code.matchAll(/\bnew URL\(\s*(?=["'][^"']*["']\s*,\s*import\.meta\.url)/g),
  ];
  return places.map((place) => {
    const start = place.index + place[0].length;
    const quote = file.text[start] ?? "";
    return target(file.path, file.text.slice(start + 1, file.text.indexOf(quote, start + 1)));
  });
}

function target(from: string, specifier: string): Import {
  if (specifier.startsWith("node:")) return { from, to: specifier, kind: "node" };
  if (specifier.startsWith(".")) {
    return { from, to: posix.normalize(posix.join(posix.dirname(from), specifier)), kind: "file" };
  }
  const parts = specifier.split("/");
  return { from, to: parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/"), kind: "package" };
}

/**
 * The code with comments, the insides of strings and regular expressions as spaces; `${…}` stays code.
 * A slash begins a regular expression where no value can end before it.
 */
export function blanked(text: string): string {
  const out = [...Array(text.length)].map((_, index) => text[index] ?? "");
  const blank = (from: number, to: number) => {
    for (let i = from; i < Math.min(to, text.length); i++) if (out[i] !== "\n") out[i] = " ";
  };
  const end = (pattern: RegExp, from: number): number => {
    pattern.lastIndex = from;
    return pattern.exec(text) === null ? text.length : pattern.lastIndex;
  };
  /** Depth of braces at which each `${` that is open began. */
  const holes: number[] = [];
  let depth = 0;
  let i = 0;
  const template = (from: number): number => {
    const to = end(/(?:\\[\s\S]|(?!\$\{)[^`\\])*(?:`|\$\{)/y, from);
    const hole = text.slice(to - 2, to) === "${";
    blank(from, to - (hole ? 2 : 1));
    if (hole) holes.push(depth++);
    return to;
  };
  while (i < text.length) {
    const rest = text.slice(i, i + 2);
    const char = text[i] ?? "";
    let to = i + 1;
    if (rest === "//") {
      to = end(/[^\n]*/y, i);
      blank(i, to);
    } else if (rest === "/*") {
      to = end(/\/\*[\s\S]*?\*\//y, i);
      blank(i, to);
    } else if (char === '"' || char === "'") {
      to = end(char === '"' ? /"(?:\\[\s\S]|[^"\\\n])*"/y : /'(?:\\[\s\S]|[^'\\\n])*'/y, i);
      blank(i + 1, to - 1);
    } else if (char === "`") to = template(i + 1);
    else if (char === "}" && holes.at(-1) === depth - 1) {
      holes.pop();
      depth--;
      to = template(i + 1);
    } else if (char === "{") depth++;
    else if (char === "}") depth--;
    else if (
      char === "/" &&
      /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\breturn|\bcase|\btypeof|\bin|\bof)$/.test(
        out
          .slice(Math.max(0, i - 80), i)
          .join("")
          .trimEnd(),
      )
    ) {
      to = end(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/y, i);
      blank(i + 1, to - 1);
    }
    i = to;
  }
  return out.join("");
}
