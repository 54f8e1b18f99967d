/** Strategies in other languages, as the READMEs of the clients have them, run against a bridge that comes and goes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { OrderStage, OrderStageSchema, OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { projects } from "../../tools.ts";
import { BridgeClient } from "../client.ts";
import { lastingBridge } from "./interruption.ts";

export const clients = new URL("../../../clients/", import.meta.url).pathname;

/** The README's blocks of code in this language, in their order. */
export function examplesIn(readme: string, language: string): string[] {
  const text = readFileSync(readme, "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, code = ""]) => code);
}

/** Whether the client was installed as its README says; in CI it must have been. */
export const installed = (language: "typescript" | "python" | "go") => existsSync(join(projects, `${language}.stamp`));

/** A running program that prints a line for each order event: sequence, client order id, stage. */
export class Strategy {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #errors = "";
  #heard: () => void = () => undefined;

  constructor(command: string, args: readonly string[], cwd: string) {
    this.#child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#child, "exit").then(() => this.#heard());
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    if (this.#child.stdout === null) throw new Error("no output to read");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.lines.push(line.replace("ORDER_STAGE_", ""));
      this.#heard();
    });
  }

  /** Resolves once what was printed satisfies; rejects when the program ends before that. */
  async until(satisfied: (lines: readonly string[]) => boolean): Promise<void> {
    while (!satisfied(this.lines)) {
      if (this.#child.exitCode !== null) throw new Error(`the strategy ended\n${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#exit;
  }
}

/**
 * Runs the strategies while the bridge is stopped and started, killed and started; then asks the bridge for every
 * order event there has been, and expects of each strategy exactly those, from the first that it saw to the last.
 * Returns the client order ids that the strategies saw.
 */
export async function expectEveryEventOnce(
  run: (addresses: { readonly grpc: string; readonly http: string }) => readonly Strategy[],
): Promise<Set<string>> {
  const bridge = await lastingBridge();
  const { grpcPort, httpPort } = bridge;
  const strategies = run({ grpc: `127.0.0.1:${grpcPort}`, http: `127.0.0.1:${httpPort}` });
  try {
    await Promise.all(strategies.map((strategy) => strategy.until((lines) => filled(lines) >= 4)));
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await bridge.restart(signal);
      await placeOrder(grpcPort, `after-${signal}`);
      const seen = (lines: readonly string[]) => lines.some((line) => line.endsWith(`after-${signal} FILLED`));
      await Promise.all(strategies.map((strategy) => strategy.until(seen)));
      const before = strategies.map(({ lines }) => filled(lines));
      await Promise.all(
        strategies.map((strategy, i) => strategy.until((lines) => filled(lines) > (before[i] ?? 0) + 1)),
      );
    }
    await Promise.all(strategies.map((strategy) => strategy.stop()));
    const all = await everyEvent(grpcPort, Math.max(...strategies.map(({ lines }) => sequenceOf(lines.at(-1)))));
    for (const { lines } of strategies) {
      expect(lines).toEqual(all.slice(all.indexOf(lines[0] ?? ""), all.indexOf(lines.at(-1) ?? "") + 1));
    }
    const fills = all.filter((line) => line.endsWith(" FILLED")).map(keyOf);
    expect(fills).toEqual([...new Set(fills)]);
    return new Set(strategies.flatMap(({ lines }) => lines.map(keyOf)));
  } finally {
    await Promise.all(strategies.map((strategy) => strategy.stop()));
    await bridge.stop();
  }
}

const sequenceOf = (line = ""): number => Number(line.split(" ")[0]);
const keyOf = (line: string): string => line.split(" ")[1] ?? "";
const filled = (lines: readonly string[]): number => lines.filter((line) => line.endsWith(" FILLED")).length;

async function placeOrder(port: number, clientOrderId: string): Promise<void> {
  const client = new BridgeClient(port);
  for await (const { event } of client.stream(TicksService.method.streamTicks, { symbols: ["XAUUSD"] })) {
    if (event.case === "batch" || event.case === "snapshot") break;
  }
  const order = { clientOrderId, symbol: "XAUUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.01 };
  const answer = await client.call(OrdersService.method.placeOrder, order);
  expect(answer.order?.stage).toBe(OrderStage.FILLED);
  client.close();
}

/** As the strategies print them, from the first to the one of this number. */
async function everyEvent(port: number, last: number): Promise<string[]> {
  const client = new BridgeClient(port);
  let epoch = "";
  for await (const { event } of client.stream(OrdersService.method.streamOrders, {})) {
    if (event.case === "opened") epoch = event.value.cursor?.epoch ?? "";
    break;
  }
  const lines: string[] = [];
  const resumeAfter = { epoch, sequence: 0n };
  for await (const { cursor, event } of client.stream(OrdersService.method.streamOrders, { resumeAfter })) {
    expect(event.case).not.toBe("reset");
    if (event.case !== "order") continue;
    lines.push(
      `${cursor?.sequence} ${event.value.clientOrderId} ${OrderStageSchema.value[event.value.stage]?.localName}`,
    );
    if (Number(cursor?.sequence) >= last) break;
  }
  client.close();
  return lines;
}
