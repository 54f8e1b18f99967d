/** What calls need on any transport, everyone being the developer, with the log's lines kept for the test to read. */
import { randomBytes } from "node:crypto";
import { createValidation } from "../../src/contract/validation.ts";
import type { Severity } from "../../src/core/ports/observer.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { everyoneIsTheDeveloper } from "../../src/transport/authenticate.ts";
import type { CallOptions } from "../../src/transport/call.ts";
import { Drain } from "../../src/transport/drain.ts";
import { Refusals } from "../../src/transport/refusals.ts";

export interface Line {
  readonly severity: Severity;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface Lines {
  readonly lines: readonly Line[];
  /** Resolves with the first line, past or future, that satisfies the question. */
  line(question: (line: Line) => boolean): Promise<Line>;
}

const validation = createValidation();
const machine = machineClock();

/** `more`: instead of what is usual here. */
export function callOptions(more: Partial<CallOptions> = {}): { readonly calls: CallOptions } & Lines {
  const clock = more.clock ?? machine;
  const lines: Line[] = [];
  let wakes: (() => void)[] = [];
  const observer: CallOptions["observer"] = {
    note(severity, _component, message, context = {}) {
      lines.push({ severity, message, context });
      for (const wake of wakes.splice(0)) wake();
    },
  };
  const drain = new Drain(clock);
  const calls: CallOptions = {
    ...{ clock, observer, validation, drain },
    refusals: new Refusals(clock, observer, drain.leaving),
    authenticate: everyoneIsTheDeveloper,
    limits: { unary: 100, streams: 100 },
    newTraceId: () => randomBytes(16).toString("hex"),
    ...more,
  };
  return {
    calls,
    lines,
    async line(question) {
      for (;;) {
        const found = lines.find(question);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          wakes = [...wakes, resolve];
        });
      }
    },
  };
}
