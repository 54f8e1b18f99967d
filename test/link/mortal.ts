/**
 * A process that can be killed between any two things that the world sees of it: a line in its inbox, a line that
 * becomes durable, an order that goes to the broker, an answer that comes back, a frame that leaves.
 */
import type { InboxDisk } from "../../clients/terminal/fake/inbox.ts";
import type { LinkCarrier } from "../../src/core/ports/link.ts";
import type { TerminalPort } from "../../src/core/ports/terminal.ts";
import { quiet } from "../terminals/paper/scripted.ts";

/** A disk that outlives the processes; lines that were not durable when one died are lost with the power. */
export class Lines {
  kept: string[] = [];
  durable = 0;

  loseWhatWaits(): void {
    this.kept.length = this.durable;
  }
}

export class Mortal {
  /** Steps that were taken. */
  steps = 0;
  readonly #last: number;
  readonly #died = Promise.withResolvers<void>();

  /** Dies instead of taking a step beyond so many. */
  constructor(last: number) {
    this.#last = last;
  }

  get alive(): boolean {
    return this.steps < this.#last;
  }

  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** True: the step is taken. False: this process is no more. */
  step(): boolean {
    if (!this.alive) this.#died.resolve();
    else this.steps++;
    return this.alive;
  }

  disk(lines: Lines): InboxDisk {
    return {
      lines: () => [...lines.kept],
      append: async (line) => {
        if (!this.step()) return await forEver();
        lines.kept.push(line);
        const through = lines.kept.length;
        await quiet(); // whoever does not wait for the disk goes on meanwhile
        if (!this.step()) return await forEver();
        lines.durable = Math.max(lines.durable, through);
      },
      replace: (fresh) => {
        if (!this.step()) return;
        lines.kept = [...fresh];
        lines.durable = fresh.length;
      },
    };
  }

  terminal(inner: TerminalPort): TerminalPort {
    const passed = async <T>(call: () => Promise<T>): Promise<T> => {
      if (!this.step()) return await forEver();
      const answer = await call();
      return this.step() ? answer : await forEver();
    };
    return {
      account: inner.account,
      symbols: inner.symbols,
      brokerTime: (at) => inner.brokerTime(at),
      submit: (order, signal) => passed(() => inner.submit(order, signal)),
      modify: (order, change, signal) => passed(() => inner.modify(order, change, signal)),
      cancel: (order, signal) => passed(() => inner.cancel(order, signal)),
      modifyPosition: (position, stops, signal) => passed(() => inner.modifyPosition(position, stops, signal)),
      check: (order, signal) => inner.check(order, signal),
      snapshot: (since, signal) => inner.snapshot(since, signal),
      reports: (signal) => inner.reports(signal),
    };
  }

  carrier(inner: LinkCarrier): LinkCarrier {
    return {
      peer: inner.peer,
      frames: (signal) => inner.frames(signal),
      send: (frame) => (this.step() ? inner.send(frame) : true),
      close: () => inner.close(),
    };
  }
}

const forEver = (): Promise<never> => new Promise(() => undefined);
