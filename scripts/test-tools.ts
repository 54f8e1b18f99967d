/**
 * Gets ready what the tests need besides npm packages, and says what is missing.
 *
 * grpcurl comes from Go's module proxy, once, into .tools/bin. Without it the tests that
 * use it are skipped; in CI that is a failure, as a skipped test proves nothing there.
 * grpc-health-probe is used where it is installed. The clients in Python and Go are
 * installed, or compiled, with their own tests, by the same rule.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tool, toolFolder } from "../test/tools.ts";
import { goClientReady, pythonClientReady } from "./client-tools.ts";

const GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4";
const inCi = process.env["CI"] === "true";

function say(line: string): void {
  process.stdout.write(`test tools: ${line}\n`);
}

function buildGrpcurl(): void {
  const go = tool("go");
  if (go === undefined) {
    say("grpcurl is not here, and neither is go, which could build it");
    return;
  }
  say(`building ${GRPCURL}, once (about a minute)`);
  mkdirSync(toolFolder, { recursive: true });
  const env = { ...process.env, GOBIN: toolFolder };
  const { status } = spawnSync(go, ["install", GRPCURL], { env, stdio: "inherit", timeout: 10 * 60_000 });
  if (status !== 0) say("grpcurl could not be built");
}

if (tool("grpcurl") === undefined) buildGrpcurl();

for (const name of ["grpcurl", "grpc-health-probe"]) {
  say(`${name}: ${tool(name) ?? "NOT FOUND, its tests are SKIPPED"}`);
}
if (inCi && tool("grpcurl") === undefined) {
  say("grpcurl is required in CI: install it, or Go 1.24 or later");
  process.exitCode = 1;
}
pythonClientReady();
goClientReady();
