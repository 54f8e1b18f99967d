/** Loaded into a bridge before its own files: nobody counts and nobody traces. Only so can their cost be measured. */
import { registerHooks } from "node:module";

registerHooks({
  load(url, context, next) {
    const [, type] = /\/telemetry\/watch\.([jt]s)$/.exec(url) ?? [];
    if (type === undefined) return next(url, context);
    const source = `
      import { nobody } from "../core/ports/witness.${type}";
      import { CallCounts, OrderCounts } from "./counts.${type}";
      export class Watch {
        orders = new OrderCounts();
        calls = new CallCounts();
        constructor() { Object.assign(this, nobody); }
      }`;
    return { format: "module", shortCircuit: true, source };
  },
});
