/**
 * Bugs that the simulator has found, each with a seed that breaks a promise while the bug is
 * there. Whoever changes what a seed draws takes these anew from the planted bugs of the
 * same kind.
 */
export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 10, was: "changes of a position were passed over once the broker's clock had been set back" },
  { seed: 32, was: "an answer told of a state whose write was still on its way, and a failed disk took it away" },
  { seed: 39, was: "a change that was carried out and then overtaken was said to have never arrived" },
  { seed: 98, was: "records that were not whole were not read again, and a deal stayed unknown" },
  { seed: 545, was: "a change that was never sent was to be tried again with a key that could bring it nowhere" },
  { seed: 2482, was: "an answer to a change that came late undid a newer change" },
  {
    seed: 4049,
    was: "something damaged beside the journal, met while doubts were settled at a start, stopped every start",
  },
  { seed: 5705, was: "an answer that came late set an order back that reports had told of" },
  { seed: 8165, was: "a change was denied because another one had put the order back to where it stood" },
];
