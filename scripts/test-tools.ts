/**
 * Gets ready what the tests need besides npm packages, and says what is missing.
 *
 * grpcurl comes from Go's module proxy, once, into .tools/bin. Without it the tests that
 * use it are skipped; in CI that is a failure, as a skipped test proves nothing there.
 * Chromium, PostgreSQL, strace, g++ and libssl-dev, by the same rule, are Debian's packages; root on Debian
 * has them installed. The clients are installed as their READMEs say, and those in Python and Go get
 * what their own tests need, by the same rule.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { openSsl } from "../test/mql5/build.ts";
import { postgresPrograms } from "../test/store/postgres/cluster.ts";
import { tool, toolFolder } from "../test/tools.ts";
import { clientsInstalled, goTestsReady, pythonToolsReady } from "./client-tools.ts";

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

/** As root on Debian it can be had; elsewhere it is for the machine's owner to install. */
function installFromDebian(name: string): void {
  const isDebian = existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  if (!isDebian || process.getuid?.() !== 0) return;
  say(`installing ${name}, once (about a minute)`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) => spawnSync("apt-get", ["-qq", ...args], { env, timeout: 10 * 60_000 }).status === 0;
  apt("update"); // what it knows already may do
  if (!apt("install", "--yes", "--no-install-recommends", name)) say(`${name} could not be installed`);
}

/** The tests run a database of their own: none is to be made, and started, for the machine. */
function installPostgres(): void {
  const settings = "/etc/postgresql-common/createcluster.conf";
  if (process.getuid?.() === 0 && !existsSync(settings)) {
    mkdirSync("/etc/postgresql-common", { recursive: true });
    writeFileSync(settings, "create_main_cluster = false\n");
  }
  installFromDebian("postgresql");
}

interface Needed {
  readonly name: string;
  readonly find: () => string | undefined;
  readonly get: () => void;
  /** What a person can do about it. */
  readonly how: string;
}

const fromDebian = (name: string): Needed => ({
  name,
  find: () => tool(name),
  get: () => installFromDebian(name),
  how: "install Debian's package of that name",
});

const needed: readonly Needed[] = [
  { name: "grpcurl", find: () => tool("grpcurl"), get: buildGrpcurl, how: "install it, or Go 1.24 or later" },
  { ...fromDebian("postgresql"), find: () => postgresPrograms()?.postgres, get: installPostgres },
  fromDebian("chromium"),
  fromDebian("strace"),
  fromDebian("g++"),
  { ...fromDebian("libssl-dev"), find: openSsl },
];

for (const { name, find, get, how } of needed) {
  if (find() === undefined) get();
  const path = find();
  say(`${name}: ${path ?? "NOT FOUND, its tests are SKIPPED"}`);
  if (path !== undefined || !inCi) continue;
  say(`${name} is required in CI: ${how}`);
  process.exitCode = 1;
}
pythonToolsReady();
goTestsReady();
clientsInstalled();
