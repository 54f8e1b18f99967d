/** Whether dead-man switches did what they were armed for: not before their time, and in the end completely. */
import { strategyIdOf } from "../../src/core/model/ids.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Follower, Visit } from "./follower.ts";
import type { Scene } from "./scene.ts";
import { began } from "./world.ts";

/** What was under way when a strategy came back may reach the disk within so many milliseconds. */
const underWay = 4000;

export function brokenSwitches(scene: Scene, chronicle: Chronicle): string[] {
  const follower = scene.follower;
  if (follower === undefined) return [];
  return [...firedTooSoon(scene, follower, chronicle), ...leftBehind(scene, follower)];
}

/** What is done in its name is done after the strategy was away for long enough, all within one life of the bridge. */
function firedTooSoon({ bridge, counts }: Scene, { visits, wish }: Follower, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  for (const { key, at } of chronicle.ofSwitches) {
    counts.add(key.includes(":close:") ? "closed by a switch" : "canceled by a switch");
    const time = at - began;
    const serving = Math.max(0, ...bridge.lives.map(({ servedAt = 0 }) => servedAt).filter((since) => since <= time));
    // When it was decided: at that moment, or before a strategy that has come back since.
    const moments = [time, ...visits.map(({ from }) => from).filter((from) => from <= time && time - from <= underWay)];
    const away = Math.max(...moments.map((moment) => awayAt(moment, serving, visits)));
    if (away < wish.timeout) wrong.push(`${key} came when the strategy was away for ${away} of ${wish.timeout} ms`);
  }
  return wrong;
}

/** For how long nobody had been there. */
function awayAt(moment: number, serving: number, visits: readonly Visit[]): number {
  if (visits.some(({ from, until }) => from < moment && until > moment)) return 0;
  return moment - Math.max(serving, ...visits.map(({ until }) => until).filter((until) => until <= moment));
}

/** Who has gone for good has no switch armed any more, and nothing that it should have ended. */
function leftBehind({ bridge, broker, disk }: Scene, { strategyId, wish, visits }: Follower): string[] {
  const desk = bridge.account?.desk;
  const last = visits.at(-1);
  if (desk?.control.armings.of(desk.account, strategyId) !== undefined) return ["a dead-man switch never fired"];
  if (last === undefined || !last.armed || !last.last || disk.damagedAt > last.from) return [];
  const isIts = ({ magic }: { readonly magic: never }) => strategyIdOf(magic) === strategyId;
  const orders = [...broker.books.orders.values()].filter((order) => isIts(order as never));
  const positions = [...broker.books.positions.values()].filter((position) => isIts(position as never));
  const left = [...orders, ...(wish.action === "close_positions" ? positions : [])];
  return left.map(({ ticket }) => `${ticket} is still there after a dead-man switch (${wish.action})`);
}
