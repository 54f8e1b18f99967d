/**
 * What the clients in Python and Go are generated, checked and tested with, kept in .tools.
 *
 * Each function answers whether its tools are ready, installing them first where they are not, once for each version.
 * Where the language itself is missing it says so: in CI that is a failure, as what is skipped proves nothing there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { tool, toolFolder } from "../test/tools.ts";

const root = new URL("../", import.meta.url).pathname;
const python = join(root, ".tools/python");
const GO_GENERATORS = [
  "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
];

export function say(line: string): void {
  process.stdout.write(`client tools: ${line}\n`);
}

/** The generators, checkers and test runner of clients/python, in an environment of their own. */
export function pythonToolsReady(): boolean {
  const command = tool("python3");
  if (command === undefined) return missing("python3", "Python 3.10 or later with venv");
  const requirements = join(root, "clients/python/requirements-dev.txt");
  return once(join(python, "tools.stamp"), [requirements], () => {
    say("installing the tools of clients/python, once (about half a minute)");
    rmSync(python, { recursive: true, force: true });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    return run(command, "-m", "venv", python) && run(join(python, "bin/python"), ...pip, "-r", requirements);
  });
}

/** Besides that, the client itself, installed as its users install it. */
export function pythonClientReady(): boolean {
  if (!pythonToolsReady()) return false;
  const sources = globSync(["pyproject.toml", "README.md", "src/**/*.py", "src/**/*.pyi"], {
    cwd: join(root, "clients/python"),
  }).map((path) => join(root, "clients/python", path));
  return once(join(python, "client.stamp"), sources, () => {
    say("installing clients/python");
    const options = ["--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"];
    return run(join(python, "bin/python"), "-m", "pip", "install", ...options, join(root, "clients/python"));
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
export function goClientReady(): boolean {
  const go = tool("go");
  if (go === undefined) return missing("go", "Go 1.24 or later");
  say("compiling the tests of clients/go (about a minute the first time)");
  mkdirSync(toolFolder, { recursive: true });
  const tests = join(toolFolder, "clients-go.test");
  rmSync(tests, { force: true });
  return run(go, "-C", join(root, "clients/go"), "test", "-c", "-o", tests, ".") || failed("clients/go");
}

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
  const env = { ...process.env, GOBIN: toolFolder };
  const { status } = spawnSync(command, args, { env, stdio: ["ignore", "inherit", "inherit"], timeout: 10 * 60_000 });
  if (status !== 0) say(`went wrong: ${command} ${args.join(" ")}`);
  return status === 0;
}
