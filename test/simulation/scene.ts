/** Everything of one run, put together. */

import type { StrategyId } from "../../src/core/model/ids.ts";
import { Bridge } from "./bridge.ts";
import { Broker } from "./broker.ts";
import { Counts } from "./counts.ts";
import { Dice } from "./dice.ts";
import { Disk } from "./disk.ts";
import { FarSide } from "./far-side.ts";
import { type Fault, stormy, strike } from "./faults.ts";
import { Follower } from "./follower.ts";
import type { DownFrame, UpFrame } from "./frames.ts";
import { LimitsCheck } from "./limits-check.ts";
import { Link } from "./link.ts";
import { LiveEnd, Memory } from "./live-end.ts";
import { Network } from "./network.ts";
import { Operator } from "./operator.ts";
import { Reader } from "./reader.ts";
import { Site } from "./site.ts";
import { drawBurst, drawSteps } from "./steps.ts";
import { Strategy } from "./strategy.ts";
import { Supervisor } from "./supervisor.ts";
import { drawTerms } from "./terms.ts";
import { Told } from "./told.ts";
import type { Trace } from "./trace.ts";
import { World } from "./world.ts";

/** Milliseconds after the storm within which everything has to settle. */
const calm = 60_000;
/** Milliseconds between two steps of the market. */
const tickEvery = 200;
const quoteEvery = 1000;

export class Scene {
  readonly world: World;
  readonly counts = new Counts();
  readonly told = new Told();
  readonly network: Network;
  readonly disk: Disk;
  readonly broker: Broker;
  readonly site: Site;
  readonly bridge: Bridge;
  readonly readers: readonly Reader[];
  readonly strategies: readonly Strategy[];
  readonly operator: Operator;
  readonly supervisor: Supervisor;
  readonly limits: LimitsCheck;
  /** Of the first strategy, where it has a dead-man switch. */
  readonly follower: Follower | undefined;
  readonly losses = { until: 0, percent: 0 };
  /** There are no more prices. */
  #closed = false;

  /** The terminal's side, where it is a live one. */
  readonly far: FarSide | undefined;

  /** `linked`: the terminal is a live one, behind the link's real protocol. */
  constructor(seed: number, faults: readonly Fault[], trace: Trace, linked = false) {
    const dice = (whatFor: string) => new Dice(seed, whatFor);
    const world = new World(trace);
    this.world = world;
    this.network = new Network(world, this.counts);
    this.disk = new Disk(world, dice("disk"), this.counts);
    const terms = drawTerms(dice("terms"), dice("rarer terms"));
    this.counts.add(`${terms.marginMode} account`);
    this.broker = new Broker(world, dice("broker"), this.counts, terms);
    const wire = this.network.wire<DownFrame>("down", dice("down"), (frame) => this.bridge.take(frame));
    const down = linked ? (frame: DownFrame) => this.far?.take(frame) : wire;
    this.site = new Site(world, this.broker, dice("site"), this.counts, terms.positionsLate, down);
    const up = this.network.wire<UpFrame>("up", dice("up"), (frame) => this.site.take(frame));
    const memory = new Memory();
    this.bridge = new Bridge(
      world,
      this.disk,
      (process, life) =>
        linked
          ? new LiveEnd(world, process, life, this.broker.account, memory)
          : new Link(world, process, life, this.broker, up),
      terms,
    );
    const take = (frame: UpFrame) => this.site.take(frame);
    this.far = linked
      ? new FarSide(world, this.network, dice("far"), this.counts, this.broker, take, () => this.bridge)
      : undefined;
    this.network.broken = () => this.#disconnect(dice("break").between(0, 300));
    this.readers = [
      new Reader("orders", world, this.bridge, dice("orders reader")),
      new Reader("account", world, this.bridge, dice("account reader")),
    ];
    const { bridge, broker, told, counts, losses } = this;
    const floor = { world, bridge, broker, told, counts, losses, requests: new Map(), orders: new Map() };
    const burst = drawBurst(dice("burst"));
    if (burst.length > 0) this.counts.add("burst of orders");
    this.strategies = [
      ...drawSteps(dice("steps")).map((steps, i) => new Strategy(floor, steps, dice(`strategy ${i}`), i + 1)),
      ...burst.map((steps, i) => new Strategy(floor, steps, dice(`burst ${i}`), 1)),
    ];
    this.operator = new Operator(this, this.disk, dice("operator"), dice("look"));
    this.supervisor = new Supervisor(this, dice("supervisor"));
    this.limits = new LimitsCheck(bridge, broker, this.supervisor, this.operator);
    broker.moved = () => this.limits.look();
    const following = dice("follower");
    this.follower = following.happens(0.4)
      ? new Follower(1 as StrategyId, world, bridge, counts, following)
      : undefined;
    for (const fault of faults) world.after(fault.at, world.outside, () => strike(this, seed, fault));
  }

  async run(): Promise<void> {
    const { world } = this;
    this.#market();
    for (const strategy of this.strategies) void strategy.run();
    void this.operator.run();
    void this.supervisor.run();
    const { strategies, operator, supervisor, follower } = this;
    const asked = () => operator.done && supervisor.done && strategies.every(({ doing }) => doing === undefined);
    void follower?.run(asked);
    await world.run(() => false, stormy);
    this.#clear();
    const quiet = () => world.now >= Math.max(this.site.lag?.until ?? 0, this.bridge.life.process.frozenUntil);
    await world.run(quiet, stormy + calm);
    await world.run(() => asked() && (follower === undefined || follower.gone), stormy + calm);
    // A report that was lost or overtaken is lost for good: only a new session brings what it told.
    if (this.network.disturbed) this.#disconnect(0);
    await world.run(() => this.#settled, stormy + calm);
    this.#closed = true;
    await this.wait(1500);
  }

  wait(ms: number): Promise<void> {
    return this.world.run(() => false, this.world.now + ms);
  }

  /** No more faults. */
  #clear(): void {
    const { world, network, site, disk, bridge } = this;
    world.note("calm");
    if (bridge.life.process.doomed) bridge.life.process.kill();
    network.clear();
    this.far?.mend();
    site.moods.length = 0;
    site.moodsOfChanges.length = 0;
    site.disorderUntil = 0;
    disk.troubles.length = 0;
    disk.slow = { until: 0, ms: 0 };
    disk.damagesControl = false;
    this.losses.until = 0;
  }

  get #settled(): boolean {
    const { account, life } = this.bridge;
    if (account === undefined || account.record.failure !== undefined || !account.desk.recordsWhole) return false;
    if (!life.link.up || !this.site.up || !this.site.idle) return false;
    if (this.far?.isLinked === false) return false;
    const { control } = account.desk;
    if (this.follower !== undefined && control.armings.of(account.desk.account, this.follower.strategyId)) return false;
    const { orders, changes } = account.record;
    return orders.doubted.length + changes.doubted.length === 0 && this.readers.every(({ reading }) => reading);
  }

  /** Both ends find out, one of them later. */
  #disconnect(later: number): void {
    const { world, site, bridge } = this;
    const { life } = bridge;
    if (!(life.link instanceof Link)) {
      this.far?.cut();
      return;
    }
    const { link } = life;
    site.lost();
    const notice = () => link.lost("the connection broke");
    if (later === 0) notice();
    else world.after(later, life.process, notice);
  }

  #market(): void {
    const { world, broker } = this;
    if (this.#closed) return;
    if (world.now < stormy) broker.wander();
    else broker.quote(); // prices stand still, and what can be dealt at them comes back
    world.after(world.now < stormy ? tickEvery : quoteEvery, world.outside, () => this.#market());
  }
}
