/** What the documents name is there: files, scripts, headings, and the tests that prove the promises. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url).pathname;
const textOf = (path: string): string => readFileSync(join(root, path), "utf8");
const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Readonly<Record<string, string>> };

const documents = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"],
  ...globSync(["docs/*.md", "clients/*/README.md", "clients/terminal/*/README.md"], { cwd: root }),
];

describe.each(documents)("%s", (document) => {
  const text = textOf(document);

  it("links to what is there", () => {
    const links = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !/^https?:/.test(link) && !isThere(document, link))).toEqual([]);
  });

  it("names files that are there", () => {
    const code = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
    const paths = code.filter((span) => /^(\.ci|src|test|scripts|proto|gen|bench|docs|k8s)\/[\w./*{},-]+$/.test(span));
    const places = [root, join(root, dirname(document))];
    expect(paths.filter((path) => places.every((cwd) => globSync(path, { cwd }).length === 0))).toEqual([]);
  });

  it("names scripts that there are", () => {
    const named = [...text.matchAll(/\bnpm run (?:--\S+ )*([\w:-]+)/g)].map(([, script = ""]) => script);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});

/** A file or folder, from the document's own; a heading behind #, in lower case and with - for spaces. */
function isThere(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return false;
  const headings = [...textOfFile(target).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title);
  return heading === undefined || headings.some((title) => anchorOf(title) === heading);
}

const textOfFile = (path: string): string => (path.endsWith(".md") ? textOf(path) : "");
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .replaceAll(" ", "-");

describe("the sheet of promises", () => {
  const [, sheet = ""] = /## What is promised, and what proves it\n([^#]*)/.exec(textOf("README.md")) ?? [];
  const rows = sheet
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1);

  it("has the nine promises", () => expect(rows).toHaveLength(9));

  it.each(rows.map((row) => row.split(" | ")))("%s", (_, proof = "") => {
    const tests = testsIn(proof);
    expect(tests.length).toBeGreaterThan(0);
    for (const { path, seeds } of tests) {
      const files = globSync([path, `${path}/**/*.ts`], { cwd: root }).filter((file) => file.endsWith(".ts"));
      expect(files.length, path).toBeGreaterThan(0);
      if (seeds !== undefined) expect(seedsIn(files), `seeds of ${path}`).toContain(seeds);
    }
  });
});

/** The tests that a row names, and of how many seeds; a file without a folder is beside the one before. */
function testsIn(proof: string): { readonly path: string; readonly seeds: number | undefined }[] {
  let folder = "";
  return [...proof.matchAll(/`(test\/[\w./-]+|[\w-]+\.test\.ts)`(?:: ([\d,]+) seeds)?/g)].map(
    ([, name = "", count]) => {
      const path = name.includes("/") ? name : join(folder, name);
      folder = dirname(path);
      return { path, seeds: count === undefined ? undefined : Number(count.replace(",", "")) };
    },
  );
}

/** Over how many seeds each loop of the files goes, and all of them together. A table of cases has a loop's number last. */
function seedsIn(files: readonly string[]): number[] {
  const bounds = (text: string) =>
    /\bseed < seeds;/.test(text) ? text.matchAll(/, ([\d_]+)\],$/gm) : text.matchAll(/\bseed < ([\d_]+);/g);
  const counts = files.flatMap((file) => [...bounds(textOf(file))].map(([, n = ""]) => Number(n.replaceAll("_", ""))));
  return [...counts, counts.reduce((sum, count) => sum + count, 0)];
}
