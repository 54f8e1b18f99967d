import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  CommandResultSchema,
  CommandStatus,
  FingerprintSchema,
  SymbolsRequestSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { type Action, Commands } from "../../../src/terminals/live/commands.ts";
import { TestClock } from "../../core/desk.ts";
import { noon } from "../paper/builders.ts";

const question: Action = { case: "symbols", value: create(SymbolsRequestSchema) };
const account = create(FingerprintSchema);

function commands() {
  const parts = { clock: new TestClock(noon), stopwatch: () => 0, most: 10, room: { count: 10, bytes: 10_000 } };
  const given = new Commands(parts, 7n);
  const give = () => given.give(question, account, { within: 1000, isTrade: true }, () => undefined);
  return { given, give };
}

describe("commands to a terminal", () => {
  it("leave again for who has not taken them", () => {
    const { given, give } = commands();
    void give();
    void give();
    expect(given.goesOn(7n, 1)).toBe(true);
    expect(given.after(1)).toHaveLength(1);
  });

  it("never leave again once they are answered, acknowledged or not: an inbox that was set back has forgotten them", async () => {
    const { given, give } = commands();
    void give();
    const second = give();
    given.answer(create(CommandResultSchema, { id: "7-2", status: CommandStatus.ANSWERED }));
    await second;
    expect(given.taken).toBe(2);
    expect(given.after(0)).toEqual([]);
    expect(given.goesOn(7n, 0)).toBe(false);
  });
});
