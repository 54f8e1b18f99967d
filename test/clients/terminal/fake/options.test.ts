import { describe, expect, it } from "vitest";
import { helpText, readOptions } from "../../../../clients/terminal/fake/options.ts";

describe("the fake terminal's options", () => {
  it("are usual where nothing is said", () => {
    expect(readOptions([], {})).toMatchObject({ host: "127.0.0.1", port: 50052, carrier: "tcp", tradeMode: "demo" });
  });

  it("come from the environment, and flags go before it", () => {
    const env = { BRIDGE_ADDRESS: "[::1]:7", TERMINAL_LOGIN: "5", TERMINAL_SYMBOLS: "EURUSD,GBPUSD" };
    const given = readOptions(["--login", "6", "--broker-clock=-90"], env);
    expect(given).toMatchObject({
      host: "::1",
      port: 7,
      login: 6n,
      symbols: ["EURUSD", "GBPUSD"],
      offsetMinutes: -90,
    });
  });

  it("say how the broker behaves towards an order", () => {
    const { manners } = readOptions(["--on-order", "2=silent,4=retcode=10099,9=slow=50"], {});
    expect([...manners]).toEqual([
      [2, { kind: "silent" }],
      [4, { kind: "retcode", retcode: 10099 }],
      [9, { kind: "slow", ms: 50 }],
    ]);
  });

  it.each([
    [["--address", "nowhere"], /--address is host:port/],
    [["--carrier", "pigeon"], /--carrier is one of tcp, grpc, not pigeon/],
    [["--drop", "2"], /--drop is a number from 0 to 1, not 2/],
    [["--trade-mode", "x"], /--trade-mode is a number from 0 to 2, not x/],
    [["--dead-man", "panic"], /--dead-man is one of none, cancel, flatten/],
    [["--broker-clock", "moon"], /--broker-clock is a number from -1440 to 1440/],
    [["--on-order", "2=late"], /--on-order has .*, not 2=late/],
    [["--bogus"], /bogus/],
  ])("%j are refused with what would be right", (args, message) => {
    expect(() => readOptions(args, {})).toThrow(message);
  });

  it("tell of all that is wrong at once", () => {
    expect(() => readOptions(["--drop", "2", "--carrier", "pigeon"], {})).toThrow(/--carrier.*\n--drop/);
  });

  it("are all in the help", () => {
    for (const flag of ["--address", "--on-order", "--cut-every", "--dead-man-seconds"])
      expect(helpText()).toContain(flag);
  });
});
