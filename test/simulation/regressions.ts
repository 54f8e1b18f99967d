/** Seeds that once broke a promise, and what was wrong then. */
export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 1673, was: "an answer told of a state whose write was still on its way; EIO took it away" },
  { seed: 2273, was: "a partly filled order whose rest the broker rejected stayed open for ever" },
  { seed: 49, was: "changes of a position were passed over once the broker's clock had been set back" },
  { seed: 88, was: "an answer that came late set an order back that reports had told of" },
  { seed: 478, was: "records that were not whole were not read again: a deal stayed unknown" },
  { seed: 1849, was: "a change that was never sent was to be tried again with a key that could bring it nowhere" },
];
