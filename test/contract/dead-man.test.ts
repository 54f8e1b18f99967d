import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { DeadManAction, DeadManSwitchSchema } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { deadManOf } from "../../src/contract/dead-man-message.ts";
import type { Grants } from "../../src/contract/principal.ts";
import { openDesk } from "../core/desk.ts";

const { account } = await openDesk();

const asked = (grants: Grants, action: DeadManAction = DeadManAction.CANCEL_ORDERS) => {
  const wanted = create(DeadManSwitchSchema, { action, timeout: { seconds: 30n, nanos: 0 } });
  return () => deadManOf(wanted, 7, { name: "alpha", grants }, account);
};

describe("a dead-man switch", () => {
  it("is a trader's to ask for, in his own name", () => {
    expect(asked({ read: {}, trade: { accounts: ["paper"] } })()).toEqual({
      ...{ wish: { action: "cancel_orders", timeout: 30_000 }, by: "alpha" },
    });
    expect(asked({ trade: {} }, DeadManAction.NONE)()).toEqual({ wish: "none", by: "alpha" });
  });

  it.each<[string, Grants]>([
    ["who may only read", { read: {} }],
    ["who may trade another account", { read: {}, trade: { accounts: ["other"] } }],
    ["who may trade some symbols, as it acts on all", { read: {}, trade: { symbols: ["EURUSD"] } }],
  ])("is refused to one %s", (_who, grants) => {
    const refused = expect.objectContaining({ fault: "permission_denied", metadata: { scope: "trade" } });
    expect(asked(grants)).toThrow(refused);
    expect(asked(grants, DeadManAction.NONE)).toThrow(refused);
  });
});
