/** Clients of a bridge that has TLS and asks for keys: the programs of the READMEs, and every way of the client in Node. */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as client from "../../../clients/typescript/src/node.ts";
import { projects } from "../../tools.ts";
import { everything, type Folder, folder, keysWith } from "../../transport/credentials.ts";
import { type RunningBridge, startBridge } from "../bridge.ts";
import { clients, examplesIn, installed } from "./strategy.ts";

let files: Folder;
let bridge: RunningBridge;
let key: string;
let wrong: string;
const certificate = () => readFileSync(files.file("ca.pem"));

/** An authority of the test's own, and a certificate for 127.0.0.1 that it has signed. */
function certify(): void {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: files.path, stdio: "ignore" });
  const pair = (name: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`, "-subj", `/CN=${name}`];
  openssl("req", "-x509", ...pair("ca"), "-days", "2", "-out", "ca.pem");
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
  openssl("req", ...pair("bridge"), ...names, "-out", "bridge.csr");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
  openssl("x509", "-req", "-in", "bridge.csr", ...signed, "-days", "2", "-out", "bridge.pem");
}

beforeAll(async () => {
  files = folder();
  certify();
  const [made] = keysWith(files.file("keys.json"), everything);
  key = String(made?.key);
  wrong = `${key.slice(0, -4)}oooo`;
  bridge = await startBridge({
    DATA_DIR: files.file("data"),
    API_KEYS_FILE: files.file("keys.json"),
    TLS_CERT_FILE: files.file("bridge.pem"),
    TLS_KEY_FILE: files.file("bridge.key"),
    PAPER_RATE: "200",
  });
  const mt5 = client.bridge({ baseUrl: url(), token: key, tls: { ca: certificate() } });
  for await (const _ of mt5.ticks(["EURUSD"])) break; // no order is filled before there is a price
  mt5.close();
});
afterAll(async () => {
  await bridge.stop();
  files.remove();
});

const url = () => `https://127.0.0.1:${bridge.httpPort}`;
const refusal = /^UNAUTHENTICATED .*API key.* false\n$/i;

describe.each([
  ["Connect over HTTP/2", {}],
  ["Connect over HTTP/1.1", { httpVersion: "1.1" }],
  ["gRPC", { protocol: "grpc" }],
] as const)("over TLS, with %s in Node", (_, speaking) => {
  const connected = (token: string) =>
    client.bridge({ baseUrl: url(), token, tls: { ca: certificate() }, ...speaking });
  const buy = { symbol: "EURUSD", side: client.OrderSide.BUY, type: client.OrderType.MARKET, volume: 0.01 };

  it("a good key trades and listens", async () => {
    const mt5 = connected(key);
    expect((await mt5.orders.place(buy)).order?.stage).toBe(client.OrderStage.FILLED);
    for await (const { symbol } of mt5.ticks(["EURUSD"])) {
      expect(symbol).toBe("EURUSD");
      break;
    }
    mt5.close();
  });

  it("a wrong key is told so, at once, by calls, streams and orders alike", async () => {
    const mt5 = connected(wrong);
    const told = { reason: "UNAUTHENTICATED", orderMayExist: false, passing: false };
    await expect(mt5.rpc.account.getAccount({})).rejects.toMatchObject(told);
    await expect(mt5.orderEvents().next()).rejects.toMatchObject(told);
    await expect(mt5.orders.place(buy)).rejects.toMatchObject(told);
    expect(await mt5.orders.kept()).toEqual([]);
    mt5.close();
  });
});

const inContinuousIntegration = process.env["CI"] !== undefined;
const run = promisify(execFile);

/** The last program of a README, made ready in a folder that has the authority's certificate. */
async function secured(language: "typescript" | "python" | "go"): Promise<(token: string) => Promise<string>> {
  const cwd = files.file(language);
  if (language === "python") mkdirSync(cwd);
  else cpSync(join(projects, language), cwd, { recursive: true });
  cpSync(files.file("ca.pem"), join(cwd, "ca.pem"));
  const program = examplesIn(
    join(clients, language, "README.md"),
    { typescript: "js", python: "python", go: "go" }[language],
  ).at(-1);
  const name = { typescript: "secure.mjs", python: "secure.py", go: "main.go" }[language];
  writeFileSync(join(cwd, name), program ?? "");
  if (language === "go") await run("go", ["build", "-o", "secure", "."], { cwd });
  const [command, ...args] = {
    typescript: [process.execPath, name, url()],
    python: [join(projects, "python/.venv/bin/python"), name, `127.0.0.1:${bridge.grpcPort}`],
    go: [join(cwd, "secure"), `127.0.0.1:${bridge.grpcPort}`],
  }[language];
  return async (token) => (await run(command ?? "", [...args, token], { cwd })).stdout;
}

describe.each(["typescript", "python", "go"] as const)("over TLS, the program of clients/%s", (language) => {
  it.skipIf(!installed(language) && !inContinuousIntegration)(
    "trades with a good key, and is told of a wrong one in a sentence",
    async () => {
      const program = await secured(language);
      expect(await program(key)).toMatch(/^(ORDER_STAGE_)?FILLED\n$/);
      expect(await program(wrong)).toMatch(refusal);
    },
    60_000,
  );
});
