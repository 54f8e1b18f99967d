/**
 * One connection of a terminal, whatever carries it.
 *
 * A carrier moves whole frames and knows nothing of what is in them.
 */
export interface LinkCarrier {
  /** Its address, for the log. */
  readonly peer: string;
  /** The credential that came beside the frames, where the carrier has room for one. */
  readonly bearer?: string;
  /** Frames in their order, until the connection ends or `signal` aborts. Never throws, and is read once. */
  frames(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Why the carrier itself has ended the connection: a frame that was too large, or was cut short. */
  readonly fault?: string | undefined;
  /** Never waits. False: too much waits for the peer already, and nothing was sent; the connection is then to be ended. */
  send(frame: Uint8Array): boolean;
  /** Ends the connection behind what was sent. */
  close(): void;
}
