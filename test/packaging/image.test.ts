/**
 * What the production image does, as far as that can be done without an engine: the files that its stage of the
 * Dockerfile copies and no others, its command and its health check in its environment, as its user, in a tree that
 * nobody may write to. Where root can have one, with a network of its own.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { everything, keysWith } from "../transport/credentials.ts";
import { stageOf } from "./dockerfile.ts";

const root = new URL("../../", import.meta.url).pathname;
const dockerfile = readFileSync(`${root}Dockerfile`, "utf8");
const image = stageOf(dockerfile, "production");
const place = mkdtempSync(join(tmpdir(), "image-"));
const inside = (path: string) => join(place, path);
const app = inside(image.workdir);

/** Only root can become somebody else; anybody else is not root already. */
const isRoot = process.getuid?.() === 0;
const [uid, gid] = image.user.split(":").map(Number);
const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
const apart = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...become];
/** A network in which there is nothing else, so that the image's own ports are free and nobody can reach them. */
const ownNetwork = isRoot && spawnSync(apart[0] ?? "", [...apart.slice(1), "true"]).status === 0;

/** As the image has it; its volume and, beside others, its ports lie elsewhere. */
const environment = {
  ...image.env,
  DATA_DIR: inside(image.env["DATA_DIR"] ?? ""),
  ...(ownNetwork ? {} : { GRPC_PORT: "0", MT5_BRIDGE_PORT: "0", METRICS_PORT: "0" }),
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
};

/** What other stages have made, by their names and paths. */
const made: Readonly<Record<string, (target: string) => void>> = {
  "packages:/app/node_modules"(target) {
    const folder = inside("packages");
    mkdirSync(folder);
    const { copies, runs } = stageOf(dockerfile, "packages");
    for (const { source } of copies) cpSync(root + source, join(folder, source));
    const [install = ""] = (runs[0] ?? "").split(" && "); // and not what cleans the cache of this machine
    const env = { ...process.env, npm_config_prefer_offline: "true" };
    execFileSync("sh", ["-c", install], { cwd: folder, stdio: "pipe", env });
    cpSync(join(folder, "node_modules"), target, { recursive: true, verbatimSymlinks: true });
  },
  "development:/app/dist"(target) {
    const tsc = join(root, "node_modules/.bin/tsc");
    execFileSync(tsc, ["-p", join(root, "tsconfig.build.json"), "--outDir", target], { stdio: "pipe" });
  },
};

beforeAll(() => {
  chmodSync(place, 0o755);
  mkdirSync(app, { recursive: true });
  for (const { from, source, target } of image.copies) {
    const to = join(app, target, ...(target.endsWith("/") ? [source] : []));
    if (from === undefined) cpSync(root + source, to, { recursive: true });
    else made[`${from}:${source}`]?.(to);
  }
  for (const path of [app, ...globSync("**", { cwd: app }).map((name) => join(app, name))]) {
    const { mode } = lstatSync(path);
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, mode & 0o555);
  }
  for (const volume of image.volumes) mkdirSync(inside(volume));
  for (const volume of image.volumes) giveToUser(volume);
  mkdirSync(inside("keys"), { mode: 0o755 });
}, 180_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** As whoever mounts something has to. */
function giveToUser(path: string): void {
  if (isRoot) chownSync(inside(path), uid ?? 0, gid ?? 0);
}

/** A key file as `npm run keys` makes it; returns the key. */
function mountKeys(): string {
  const [key] = keysWith(inside("keys/api-keys.json"), everything);
  giveToUser("keys/api-keys.json");
  return String(key?.key);
}

function mountCertificate(): Readonly<Record<string, string>> {
  const files = { TLS_CERT_FILE: inside("keys/cert.pem"), TLS_KEY_FILE: inside("keys/cert.key") };
  const kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bridge"];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
  const out = ["-keyout", files.TLS_KEY_FILE, "-out", files.TLS_CERT_FILE];
  execFileSync("openssl", [...kind, ...names, ...out], { stdio: "ignore" });
  giveToUser("keys/cert.key");
  return files;
}

const keys = { API_KEYS_FILE: inside("keys/api-keys.json") };
const upstream = { TLS_TERMINATED_UPSTREAM: "true" };

/** What `docker run -e …` begins. */
function start(more: Readonly<Record<string, string>>): ChildProcess {
  const way = ownNetwork ? apart : isRoot ? become : [];
  const [program = "", ...args] = [...way, ...image.cmd];
  return spawn(program, args, { cwd: app, env: { ...environment, ...more }, stdio: ["ignore", "pipe", "pipe"] });
}

/** A command beside the bridge, as `docker exec` and the health check run one. */
async function beside(
  bridge: ChildProcess,
  command: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly said: string }> {
  const enter = ownNetwork ? ["nsenter", `--net=/proc/${bridge.pid}/ns/net`] : [];
  const [program = "", ...args] = [...enter, ...(isRoot ? become : []), ...command];
  const running = promisify(execFile)(program, args, { cwd: app, env: { ...environment, ...more } });
  return running.then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, said: error.stdout }),
  );
}

/** Its ports, as it says them itself when it is ready. */
async function readyAt(bridge: ChildProcess): Promise<{ GRPC_PORT: string; MT5_BRIDGE_PORT: string }> {
  const said: string[] = [];
  bridge.stderr?.on("data", (chunk: Buffer) => said.push(String(chunk)));
  for await (const line of createInterface({ input: bridge.stdout ?? process.stdin })) {
    said.push(line);
    const { message, context } = JSON.parse(line) as { message: string; context: { grpc: string; http: string } };
    if (!message.startsWith("ready:")) continue;
    bridge.stdout?.resume();
    const portOf = (address: string) => address.split(":").at(-1) ?? "";
    return { GRPC_PORT: portOf(context.grpc), MT5_BRIDGE_PORT: portOf(context.http) };
  }
  throw new Error(said.join("\n"));
}

/** The HTTP status that /account is answered with. */
async function accountStatus(bridge: ChildProcess, url: string, key: string, more: Record<string, string> = {}) {
  const script = "fetch(process.argv[1], { headers: JSON.parse(process.argv[2]) }).then((a) => console.log(a.status))";
  const headers = JSON.stringify(key === "" ? {} : { authorization: `Bearer ${key}` });
  return (await beside(bridge, ["node", "-e", script, `${url}/account`, headers], more)).said.trim();
}

let bridge: ChildProcess;
afterEach(() => bridge?.kill("SIGKILL"));

describe("the production image", () => {
  it("has what its stage copies, and no package that only development needs", () => {
    expect(readdirSync(app).toSorted()).toEqual(["LICENSE", "dist", "node_modules", "package.json", "scripts"]);
    expect(readdirSync(join(app, "scripts"))).toEqual(["probe.mjs"]);
    expect(globSync("node_modules/{typescript,vitest,@biomejs,@bufbuild/buf,node}", { cwd: app })).toEqual([]);
  });

  it("listens to more than this machine unless it is told otherwise, and is not root", () => {
    expect(image.env["BIND_ADDRESS"]).toBe("0.0.0.0");
    expect([uid, gid]).toEqual([1000, 1000]);
  });

  it("serves whoever has a key of the mounted file, is found healthy, writes to its volume alone, and drains at SIGTERM", async () => {
    const key = mountKeys();
    bridge = start({ ...keys, ...upstream });
    const ports = await readyAt(bridge);
    if (ownNetwork) expect(ports).toEqual({ GRPC_PORT: "50051", MT5_BRIDGE_PORT: "8001" });
    expect(await beside(bridge, image.healthcheck, ports)).toEqual({ code: 0, said: "serving\n" });
    const url = `http://127.0.0.1:${ports.MT5_BRIDGE_PORT}`;
    expect(await accountStatus(bridge, url, "")).toBe("401");
    expect(await accountStatus(bridge, url, `${key.slice(0, -4)}oooo`)).toBe("401");
    expect(await accountStatus(bridge, url, key)).toBe("200");
    expect(await beside(bridge, ["sh", "-c", "id -u; touch dist/mine || echo refused"], {})).toMatchObject({
      said: expect.stringMatching(new RegExp(`^${isRoot ? uid : process.getuid?.()}\nrefused\n$`)),
    });
    bridge.kill("SIGTERM");
    expect(await once(bridge, "exit")).toEqual([0, null]);
    expect(globSync("**/journal.db", { cwd: environment.DATA_DIR })).toHaveLength(1);
  }, 60_000);

  it("serves over TLS with a mounted certificate, and is found healthy", async () => {
    const key = mountKeys();
    const certificate = mountCertificate();
    bridge = start({ ...keys, ...certificate });
    const ports = await readyAt(bridge);
    expect(await beside(bridge, image.healthcheck, { ...ports, ...certificate })).toEqual({
      code: 0,
      said: "serving\n",
    });
    const trusting = { NODE_EXTRA_CA_CERTS: certificate["TLS_CERT_FILE"] ?? "" };
    expect(await accountStatus(bridge, `https://127.0.0.1:${ports.MT5_BRIDGE_PORT}`, key, trusting)).toBe("200");
    bridge.kill("SIGTERM");
    expect(await once(bridge, "exit")).toEqual([0, null]);
  }, 60_000);

  it("is found ill when nobody answers", () => {
    const [program = "", ...args] = image.healthcheck;
    const env = { ...environment, GRPC_PORT: "1" };
    expect(spawnSync(program, args, { cwd: app, env, encoding: "utf8" })).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("ECONNREFUSED"),
    });
  });

  const tlsMissing =
    /BIND_ADDRESS=0\.0\.0\.0: needs TLS.*set TLS_CERT_FILE and TLS_KEY_FILE, or TLS_TERMINATED_UPSTREAM=true/;
  const keysMissing = /BIND_ADDRESS=0\.0\.0\.0: needs keys or tokens.*set API_KEYS_FILE/;
  const unreadable = /API_KEYS_FILE=.*keys\/nothing\.json/;
  it.each([
    ["keys and TLS, when it has neither", {}, [keysMissing, tlsMissing]],
    ["TLS, when it has keys", keys, [tlsMissing]],
    ["keys, when something in front of it speaks TLS", upstream, [keysMissing]],
    [
      "the key file, when it is not where it should be",
      { ...upstream, API_KEYS_FILE: inside("keys/nothing.json") },
      [unreadable],
    ],
  ])("does not start without %s, and says so", async (_, more, missing) => {
    mountKeys();
    bridge = start(more);
    let said = "";
    for (const stream of [bridge.stdout, bridge.stderr]) stream?.on("data", (chunk: Buffer) => (said += chunk));
    expect(await once(bridge, "close")).toEqual([1, null]);
    for (const sentence of missing) expect(said).toMatch(sentence);
    for (const sentence of [keysMissing, tlsMissing]) {
      if (!missing.includes(sentence)) expect(said).not.toMatch(sentence);
    }
  });
});
