/** What is wrong with a draft: all of it, each with its field, the valid range and MetaTrader's return code. */
import { BridgeError, type Violation } from "../errors.ts";

/** MetaTrader's return codes for what is found here. */
export const retcodes = {
  volume: 10014,
  price: 10015,
  stops: 10016,
  expiration: 10022,
  filling: 10030,
  orderMode: 10035,
} as const;

export class Findings {
  readonly #violations: Violation[] = [];
  #retcode = 0;

  add(field: string, description: string, retcode: number): undefined {
    this.#violations.push({ field, description });
    this.#retcode ||= retcode;
    return undefined;
  }

  refuseIfAny(): void {
    const [first] = this.#violations;
    if (first === undefined) return;
    throw new BridgeError("invalid_argument", `${first.field}: ${first.description}`, {
      violations: this.#violations,
      metadata: { retcode: String(this.#retcode) },
    });
  }
}
