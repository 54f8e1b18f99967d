/** Every case of the terminals' scripts, against a terminal's side that is started as a command. */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { selfSigned } from "../transport/credentials.ts";
import { BridgePart } from "./bridge-part.ts";
import { type Line, listenGrpc, listenTcp } from "./listener.ts";
import { Program } from "./program.ts";
import { type Case, parse } from "./script.ts";

/** TLS is TCP with a certificate of ours, whose file is in BRIDGE_CERTIFICATE. */
export type CarrierKind = "tcp" | "tls" | "grpc";

const folder = new URL("scripts/terminal/", import.meta.url).pathname;

export const terminalCases = (): Case[] =>
  globSync("*.txt", { cwd: folder })
    .toSorted()
    .flatMap((file) => parse(basename(file), readFileSync(join(folder, file), "utf8")));

/** What every terminal's side is told by its environment; a case may tell more. */
const usual = {
  BRIDGE_TOKEN: "conformance-token",
  TERMINAL_LOGIN: "1000001",
  TERMINAL_SERVER: "Broker-Demo",
  TERMINAL_TRADE_MODE: "0",
  TERMINAL_SYMBOLS: "EURUSD,GBPUSD",
  TERMINAL_MAX_VOLUME: "0",
  TERMINAL_MAX_ORDERS_PER_MINUTE: "0",
  TERMINAL_ALLOWED_SYMBOLS: "",
  TERMINAL_DEAD_MAN: "none",
  TERMINAL_DEAD_MAN_SECONDS: "60",
  TERMINAL_RETRY_MS: "100",
  TERMINAL_PATIENCE_MS: "600",
};

/** Throws why it failed. */
export async function runCase(which: Case, command: string, carrier: CarrierKind): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), "link-case-"));
  let part: BridgePart | undefined;
  const connected = (line: Line) => part?.connected(line);
  const certificate = carrier === "tls" ? certificateIn(state) : undefined;
  const listener = await (carrier === "grpc" ? listenGrpc(connected) : listenTcp(connected, certificate));
  const address = { BRIDGE_ADDRESS: `127.0.0.1:${listener.port}`, BRIDGE_CARRIER: carrier, TERMINAL_STATE: state };
  const trusted = certificate === undefined ? {} : { BRIDGE_CERTIFICATE: certificate.file };
  const program = new Program(command, { ...process.env, ...usual, ...address, ...trusted, ...which.env });
  part = new BridgePart(which, program);
  try {
    program.start();
    await part.play();
  } catch (error) {
    throw new Error(
      `${which.file}: ${which.title}\n    ${(error as Error).message}\n    it said:\n${tail(program.output)}`,
    );
  } finally {
    await program.kill();
    await listener.close();
    rmSync(state, { recursive: true, force: true });
  }
}

function certificateIn(path: string) {
  const { certFile: file, keyFile } = selfSigned({ file: (name) => join(path, name) }, "bridge");
  return { file, cert: readFileSync(file), key: readFileSync(keyFile) };
}

const tail = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .slice(-8)
    .map((line) => `      ${line.slice(0, 300)}`)
    .join("\n");
