/**
 * The one loop through which the streams of the transports run; only under connect-node it is the library's.
 *
 * The next frame is asked for only when the peer can take it. That is what keeps a reader that has stopped reading
 * from filling the memory: its producer stops with it.
 */

/** The peer's end of a stream. */
export interface FrameSink<Frame> {
  /** Returns false when nothing more should be written before `drained`. */
  write(frame: Frame): boolean;
  /** Resolves when there is room again, or nobody is left to write to. */
  drained(): Promise<void>;
  /** Whether nobody is left to write to. */
  readonly gone: boolean;
}

export async function pump<Frame>(frames: AsyncIterable<Frame>, peer: FrameSink<Frame>): Promise<void> {
  for await (const frame of frames) {
    if (peer.gone) return;
    if (!peer.write(frame)) await peer.drained();
  }
}
