/** What a link may take, whatever carries it. The protocol has the sizes. */
export interface LinkLimits {
  /** Bytes of a frame from the terminal. */
  readonly largestIn: number;
  /** Bytes of a frame to the terminal. */
  readonly largestOut: number;
  /** Bytes that may wait for a terminal that reads slowly. */
  readonly mostWaiting: number;
}

export const linkLimits: LinkLimits = { largestIn: 2 ** 20, largestOut: 2 ** 16, mostWaiting: 4 * 2 ** 20 };

/** How long the last words to a terminal may take, ms. */
export const partingMs = 1_000;
