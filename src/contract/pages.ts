/** Pages: where the last one ended, as a text that means nothing to anyone else. */
import { BridgeError } from "../core/errors.ts";

export const sizeOf = (wanted: number, usual: number): number => (wanted === 0 ? usual : wanted);

/** Whole numbers as a token. */
export const tokenOf = (...parts: readonly number[]): string => Buffer.from(parts.join(".")).toString("base64url");

/** The numbers of a token; undefined for the first page. */
export function partsOf(token: string, count: number): number[] | undefined {
  if (token === "") return undefined;
  const parts = Buffer.from(token, "base64url").toString().split(".").map(Number);
  if (parts.length === count && parts.every(Number.isSafeInteger)) return parts;
  throw new BridgeError("invalid_argument", "page_token: is not one that this bridge has given", {
    violations: [{ field: "page_token", description: "must be empty or the next_page_token of the previous answer" }],
  });
}
