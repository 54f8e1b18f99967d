/**
 * What the clients are generated, checked and tested with, kept in .tools.
 *
 * Each function answers whether its tools are ready, installing them first where they are not, once for each version.
 * Where the language itself is missing it says so: in CI that is a failure, as what is skipped proves nothing there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projects, tool, toolFolder } from "../test/tools.ts";

const root = new URL("../", import.meta.url).pathname;
const python = join(root, ".tools/python");
const GO_GENERATORS = [
  "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
];

export function say(line: string): void {
  process.stdout.write(`client tools: ${line}\n`);
}

/** The generators, checkers and test runner of what is written in Python, in an environment of their own. */
export function pythonToolsReady(): boolean {
  const command = tool("python3");
  if (command === undefined) return missing("python3", "Python 3.10 or later with venv");
  const requirements = ["clients/python", "clients/terminal/python"].map((path) =>
    join(root, path, "requirements-dev.txt"),
  );
  return once(join(python, "tools.stamp"), requirements, () => {
    say("installing the tools of clients/python and clients/terminal/python, once (about half a minute)");
    rmSync(python, { recursive: true, force: true });
    const pip = ["-m", "pip", "install", ...requirements.flatMap((path) => ["-r", path])];
    return run(command, "-m", "venv", python) && run(join(python, "bin/python"), ...pip);
  });
}

/** The generators of clients/go. */
export function goToolsReady(): boolean {
  const go = tool("go");
  if (go === undefined) return missing("go", "Go 1.24 or later");
  mkdirSync(toolFolder, { recursive: true });
  return once(join(toolFolder, "go-generators.stamp"), [import.meta.filename], () => {
    say("building the generators of clients/go, once");
    return GO_GENERATORS.every((generator) => run(go, "install", generator));
  });
}

/** The tests of clients/go, compiled: the tests that run them are quick then. */
export function goTestsReady(): boolean {
  const go = tool("go");
  if (go === undefined) return missing("go", "Go 1.24 or later");
  say("compiling the tests of clients/go (about a minute the first time)");
  mkdirSync(toolFolder, { recursive: true });
  const tests = join(toolFolder, "clients-go.test");
  rmSync(tests, { force: true });
  return run(go, "-C", join(root, "clients/go"), "test", "-c", "-o", tests, ".") || failed("clients/go");
}

/** Each client in a project of its own that was empty before, by the very commands of its README. */
export function clientsInstalled(): void {
  for (const [language, { program, sources }] of Object.entries(clients)) {
    if (tool(program) === undefined) {
      missing(program, `clients/${language} is installed with it`);
      continue;
    }
    const project = join(projects, language);
    const readme = join(root, "clients", language, "README.md");
    const files = globSync(sources, { cwd: root }).map((path) => join(root, path));
    once(`${project}.stamp`, [readme, ...files], () => {
      say(`installing clients/${language} into an empty folder, as its README says`);
      rmSync(project, { recursive: true, force: true });
      mkdirSync(project, { recursive: true });
      const [, commands = ""] = /^```sh\n(.*?)^```/ms.exec(readFileSync(readme, "utf8")) ?? [];
      return run("env", "-C", project, "sh", "-ec", commands.replaceAll("/path/to/mt5-bridge/", root));
    });
  }
}

const clients = {
  typescript: {
    program: "npm",
    sources: ["clients/typescript/*.json", "clients/typescript/src/*.ts", "gen/ts/mt5bridge/**/*.ts"],
  },
  python: {
    program: "python3",
    sources: ["clients/python/pyproject.toml", "clients/python/src/**/*.py", "clients/python/src/**/*.pyi"],
  },
  "terminal/python": {
    program: "python3",
    sources: ["clients/terminal/python/pyproject.toml", "clients/terminal/python/src/**/*.{py,pyi}"],
  },
  go: { program: "go", sources: ["clients/go/go.mod", "clients/go/go.sum"] },
};

function missing(command: string, wanted: string): false {
  return failed(`${command} is NOT FOUND (${wanted} is needed)`);
}

function failed(what: string): false {
  if (process.env["CI"] === "true") {
    say(`FAILED: ${what}. CI needs it.`);
    process.exitCode = 1;
  } else {
    say(`${what}: what needs it is SKIPPED`);
  }
  return false;
}

/** Does it unless it was done with the very same files before. */
function once(stamp: string, files: readonly string[], work: () => boolean): boolean {
  const hash = createHash("sha256");
  for (const file of files.toSorted()) hash.update(`${file}\n`).update(readFileSync(file));
  const now = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return true;
  rmSync(stamp, { force: true });
  if (!work()) return failed(`${relative(root, stamp)} could not be made`);
  writeFileSync(stamp, now);
  return true;
}

function run(command: string, ...args: string[]): boolean {
  const quiet = { PIP_QUIET: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1", npm_config_loglevel: "error" };
  const env = { ...process.env, ...quiet, GOBIN: toolFolder };
  const { status } = spawnSync(command, args, { env, stdio: ["ignore", "inherit", "inherit"], timeout: 10 * 60_000 });
  if (status !== 0) say(`went wrong: ${command} ${args.join(" ")}`);
  return status === 0;
}
