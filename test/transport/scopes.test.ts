/** The table of scopes: complete, without rows too many, and as the contract has it. */
import { globSync } from "node:fs";
import type { DescService } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { nameOfMethod, rules } from "../../src/transport/scopes.ts";

const gen = new URL("../../gen/ts/", import.meta.url);
const files = globSync(["mt5bridge/v1/*_pb.ts", "grpc/**/*_pb.ts"], { cwd: gen.pathname });
const modules = await Promise.all(files.map((file) => import(new URL(file, gen).href)));
const isService = (value: unknown): value is DescService => (value as { kind?: unknown } | null)?.kind === "service";
const services = modules.flatMap((module) => Object.values(module as object).filter(isService));
const methods = services.flatMap((service) => service.methods.map(nameOfMethod));

const named = (pattern: RegExp) => methods.filter((name) => pattern.test(name));
const scopesOf = (names: readonly string[]) => [...new Set(names.map((name) => rules[name]?.scope))];

describe("the table of scopes", () => {
  it("has a row for every RPC of every service, and no other row", () => {
    expect(services.length).toBeGreaterThanOrEqual(8);
    expect(Object.keys(rules).sort()).toEqual([...methods].sort());
  });

  it("lets read what is got, listed, streamed, watched and checked", () => {
    const reading = named(/^mt5bridge.*\.(Get|List|Stream|Watch)\w+$|\.CheckOrder$|\.UpdateTickSubscription$/);
    expect(scopesOf(reading)).toEqual(["read"]);
  });

  it("asks for trade where something is sent to the broker", () => {
    expect(scopesOf(named(/OrdersService\.(Place|Modify|Cancel|Close)/))).toEqual(["trade"]);
  });

  it("asks for admin for all else of the bridge", () => {
    const admin = Object.keys(rules).filter((name) => rules[name]?.scope === "admin");
    expect(admin.sort()).toEqual(
      ["ConnectTerminal", "Drain", "SetRiskLimits", "SetTradingMode"].map((m) => `mt5bridge.v1.AdminService.${m}`),
    );
  });

  it("asks nothing of probes only", () => {
    expect(
      Object.keys(rules)
        .filter((name) => rules[name]?.scope === "open")
        .sort(),
    ).toEqual(named(/^grpc\.health/).sort());
  });

  it("never refuses for rate what makes a risk smaller", () => {
    const smaller = named(/\.(CancelOrder|ClosePosition|ClosePositionBy|SetTradingMode)$/);
    expect(smaller).toHaveLength(4);
    expect(smaller.map((name) => rules[name]?.rate)).toEqual(["never", "never", "never", "never"]);
    const orders = Object.keys(rules).filter((name) => rules[name]?.rate === "orders");
    expect(orders).toEqual(
      ["PlaceOrder", "ModifyOrder", "ModifyPosition"].map((m) => `mt5bridge.v1.OrdersService.${m}`),
    );
  });
});
