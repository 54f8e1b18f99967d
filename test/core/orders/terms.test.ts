import { describe, expect, it } from "vitest";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { checkOrder } from "../../../src/core/orders/check-order.ts";
import type { OrderDraft } from "../../../src/core/orders/draft.ts";
import { validate } from "../../../src/core/orders/validate.ts";
import { eurusd } from "../../terminals/paper/builders.ts";
import { draft, faultOf, limit, openDesk } from "../desk.ts";

const reads = (more: Partial<OrderDraft>, spec: Partial<SymbolSpec> = {}) =>
  validate(draft(more), { ...eurusd, ...spec });
const open = { timeInForce: undefined };

describe("what an order leaves open", () => {
  it.each([
    ["fok, where the symbol has it", {}, "fok", "EURUSD fills fok, ioc in market execution"],
    ["else ioc", { fillingModes: ["ioc"] }, "ioc", "EURUSD fills ioc in market execution"],
    [
      "else what the execution does",
      { fillingModes: [], execution: "instant" },
      "return",
      "EURUSD fills only as instant execution does in instant execution",
    ],
  ] satisfies readonly [string, Partial<SymbolSpec>, string, string][])(
    "is filled %s, and says why",
    (_, spec, used, reason) => {
      const request = reads({ filling: "auto" }, spec);
      expect(request.filling).toBe(used);
      expect(request.adjustments).toEqual([{ field: "filling", asked: "auto", used, reason }]);
    },
  );

  it("rests until it is filled, when it is pending", () => {
    expect(reads(limit()).filling).toBe("return");
    expect(reads(limit()).adjustments).toMatchObject([{ field: "filling", asked: "auto", used: "return" }]);
  });

  it("stays until canceled, which is no change; for the day where the symbol wants that, which is one", () => {
    expect(reads({ ...open, filling: "ioc" })).toMatchObject({ timeInForce: "gtc" });
    expect(reads({ ...open, filling: "ioc" })).not.toHaveProperty("adjustments");
    const request = reads(limit({ ...open, filling: "return" }), { expirationModes: ["day", "specified"] });
    expect(request.timeInForce).toBe("day");
    expect(request.adjustments).toEqual([
      { field: "time_in_force", asked: "", used: "day", reason: "EURUSD has no gtc; its orders end as day, specified" },
    ]);
  });

  it("ends at its time when it names one, by whole seconds", () => {
    const request = reads(limit({ ...open, filling: "return", expireTime: 5999 as Instant }));
    expect(request).toMatchObject({ timeInForce: "specified", expireTime: 5000 });
    expect(request.adjustments).toMatchObject([
      { field: "time_in_force", asked: "", used: "specified" },
      { field: "expire_time", asked: "1970-01-01T00:00:05.999Z", used: "1970-01-01T00:00:05.000Z" },
    ]);
  });
});

describe("what an order asks for", () => {
  it("is used as it stands, or refused: never replaced", () => {
    expect(reads({ filling: "ioc", timeInForce: "gtc" })).not.toHaveProperty("adjustments");
    expect(() => reads({ filling: "fok" }, { fillingModes: ["ioc"] })).toThrow("valid are auto, ioc");
    expect(() => reads({ timeInForce: "gtc" }, { expirationModes: ["day"] })).toThrow("valid are day");
    expect(() => reads({ ...open }, { expirationModes: ["specified"] })).toThrow("valid are specified");
  });

  it("cannot be answered where the symbol leaves nothing to choose", () => {
    expect(() => reads({}, { fillingModes: [] })).toThrow("filling: EURUSD fills no order in market execution");
    expect(() => reads({ ...open, expireTime: 1e300 as Instant })).toThrow("in the years 1970 to 9999");
  });
});

describe("an order", () => {
  const chosen = [{ field: "filling", asked: "auto", used: "fok" }];

  it("says what was chosen for it from the moment it is known, and after a restart", async () => {
    const { place, order, restart, terminal } = await openDesk();
    expect((await place({ filling: "auto" })).order).toMatchObject({ filling: "fok", adjustments: chosen });
    expect(terminal.submitted[0]?.request.filling).toBe("fok");
    expect((await restart()).order("a").adjustments).toEqual(order("a").adjustments);
  });

  it("that is only checked says the same", async () => {
    const { desk } = await openDesk();
    expect((await checkOrder(desk, draft({ filling: "auto" }))).adjustments).toMatchObject(chosen);
  });

  it("of an earlier version, which had nothing left open, is the same order still", async () => {
    const { place, reopen } = await openDesk();
    await place({ timeInForce: "gtc" });
    const again = await reopen();
    expect((await again.place(open)).replayed).toBe(true);
    expect(await faultOf(again.place({ timeInForce: "day" }))).toMatchObject({ fault: "client_order_id_reused" });
  });
});
