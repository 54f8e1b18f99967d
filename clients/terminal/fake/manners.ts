/**
 * How the broker behaves for once: not as brokers should.
 *
 * Asked for by an order's comment (`#retcode=10012`, `#silent`, `#slow=800`), or by the order's
 * place among all: the third order of a run, whatever it says.
 */

/** `slow` executes and answers late; the others do nothing at all. */
export type Manner =
  | { readonly kind: "retcode"; readonly retcode: number }
  | { readonly kind: "silent" }
  | { readonly kind: "slow"; readonly ms: number };

const pattern = /^#(?:(silent)|retcode=(\d{1,5})|slow=(\d{1,6}))$/;

export function mannerOf(text: string): Manner | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const [, silent, retcode, slow] = found;
  if (silent !== undefined) return { kind: "silent" };
  if (retcode !== undefined) return { kind: "retcode", retcode: Number(retcode) };
  return { kind: "slow", ms: Number(slow) };
}
