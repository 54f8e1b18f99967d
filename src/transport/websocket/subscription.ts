/** A stream that a client has subscribed to, under an id of the client's. */
import type { Message } from "@bufbuild/protobuf";
import { type Said, saidBy, streamIdOf, streamWordOf } from "../../contract/websocket-frame.ts";
import type { Sink } from "../pump.ts";
import type { PendingCall } from "./caller.ts";
import type { Dialect } from "./dialect.ts";
import type { StreamMethod } from "./methods.ts";
import type { Peer } from "./peer.ts";

export interface Subscription {
  readonly kind: "subscription";
  readonly pending: PendingCall;
  readonly method: StreamMethod;
  /** The stream's own id, once it has said it; nothing if it ends without. */
  readonly opened: PromiseWithResolvers<string | undefined>;
}

/** An event of a stream on its way out. */
interface StreamEvent {
  readonly said: Said;
  readonly payload: Buffer;
  readonly streamId: string | undefined;
}

export type Say = (type: Said, id: string, payload?: Buffer, seq?: number, word?: string, ahead?: number) => boolean;

/** How the stream's messages become events in the peer's dialect. */
export const eventsIn =
  (dialect: Dialect, { method }: Subscription) =>
  (message: Message): StreamEvent => ({
    said: saidBy(message),
    payload: dialect.shared(method.method.output, message),
    streamId: streamIdOf(message),
  });

/** The peer's end of a subscription, of which there may be thousands. */
export class SubscriptionSink implements Sink<StreamEvent> {
  readonly #peer: Peer;
  readonly #say: Say;
  readonly #id: string;
  /** What its data is called. */
  readonly #word: string;
  readonly #subscription: Subscription;
  #seq = 0;

  constructor(peer: Peer, say: Say, id: string, subscription: Subscription) {
    this.#peer = peer;
    this.#say = say;
    this.#id = id;
    this.#word = streamWordOf(subscription.method.method);
    this.#subscription = subscription;
  }

  write({ said, payload, streamId }: StreamEvent, ahead: number): boolean {
    // A stream that does not open by itself is said to run when its first event comes.
    if (this.#seq === 0 && said !== "subscribed") this.#say("subscribed", this.#id, undefined, ++this.#seq);
    if (this.#seq === 0) this.#subscription.opened.resolve(streamId);
    return this.#say(said, this.#id, payload, ++this.#seq, said === "stream_data" ? this.#word : said, ahead);
  }

  drained(): Promise<void> {
    return this.#peer.drained();
  }

  cork(): void {
    this.#peer.cork();
  }

  uncork(): void {
    this.#peer.uncork();
  }

  get gone(): boolean {
    return this.#peer.gone || this.#subscription.pending.canceled;
  }
}
