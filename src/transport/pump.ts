/**
 * The one loop through which every stream of every transport runs.
 *
 * The next message is asked for only when the peer can take it. That is what keeps a reader that has stopped reading
 * from filling the memory: its producer stops with it, or folds what waits into the newest.
 */
import { Flow } from "../core/streams/flow.ts";
import { Turns } from "./turns.ts";

/** The peer's end of a stream. */
export interface Sink<T> {
  /** Returns false when nothing more should be written before `drained`: more than `ahead` bytes wait already. */
  write(item: T, ahead: number): boolean;
  /** Resolves when there is room again, or nobody is left to write to. */
  drained(): Promise<void>;
  /** Whether nobody is left to write to. */
  readonly gone: boolean;
  /** What is written until `uncork` leaves in one piece. */
  cork(): void;
  uncork(): void;
}

/** Bytes that may wait for a peer, of streams that do not say how many. */
const usual = 64 * 1024;

/** Of all streams: they have one event loop. */
const turns = new Turns();

/** Whether everything was written; otherwise the peer has gone. */
export function pump<M, T>(messages: AsyncIterable<M>, encode: (message: M) => T, peer: Sink<T>): Promise<boolean> {
  return messages instanceof Flow ? pumpFlow(messages as Flow<M>, encode, peer) : pumpMessages(messages, encode, peer);
}

async function pumpMessages<M, T>(
  messages: AsyncIterable<M>,
  encode: (message: M) => T,
  peer: Sink<T>,
): Promise<boolean> {
  for await (const message of messages) {
    if (peer.gone) return false;
    if (!peer.write(encode(message), usual)) await peer.drained();
  }
  return true;
}

/** The same without a promise for each: one writes as long as there is something to take and somebody takes it. */
function pumpFlow<M, T>(flow: Flow<M>, encode: (message: M) => T, peer: Sink<T>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const write = (): void => {
      while (!peer.gone) {
        const message = flow.take();
        if (message === undefined) {
          if (flow.ended) resolve(true);
          else flow.whenReady(inTurn);
          return;
        }
        if (!peer.write(encode(message), flow.ahead)) {
          void peer.drained().then(turn);
          return;
        }
      }
      flow.close();
      resolve(false);
    };
    const turn = () => {
      peer.cork();
      try {
        write();
      } catch (error) {
        flow.close();
        reject(error);
      } finally {
        peer.uncork();
      }
    };
    const inTurn = () => turns.add(turn);
    turn();
  });
}
