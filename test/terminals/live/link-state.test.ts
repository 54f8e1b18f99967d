import { expect, it } from "vitest";
import { type LinkEvent, type LinkState, moved } from "../../../src/terminals/live/link-state.ts";

const states: LinkState[] = ["down", "greeting", "catching_up", "up", "estranged"];
const after = (...events: LinkEvent[]) =>
  events.reduce<LinkState | undefined>((at, event) => at && moved(at, event), "down");

it("a link comes up step by step", () => {
  expect(after("dialed", "greeted", "caught_up")).toBe("up");
  expect([after("greeted"), after("dialed", "caught_up"), after("dialed", "dialed")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

it("a link is lost from everywhere but below", () => {
  expect(states.map((state) => moved(state, "lost"))).toEqual([undefined, "down", "down", "down", "down"]);
});

it("a link to another account leads nowhere until it is dialed anew", () => {
  const events: LinkEvent[] = ["dialed", "greeted", "caught_up", "account_changed"];
  expect(events.map((event) => moved("estranged", event))).toEqual([undefined, undefined, undefined, undefined]);
});
