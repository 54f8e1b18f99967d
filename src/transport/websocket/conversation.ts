/**
 * The conversation of `mt5bridge.v1.json` and `mt5bridge.v1.proto`: calls and subscriptions, each under an id of the
 * client's.
 *
 * Always true:
 *   - A frame with an id is answered with that id: `result` or `error`, and for a subscription `complete` at its end,
 *     whatever ended it. After `complete` an id is free again, after `result` and `error` of a call too.
 *   - A frame that cannot be read, and an id that is still in use, end the connection: nobody could tell the answers
 *     apart. Everything else that is wrong is an `error`, and the connection goes on.
 */
import type { Message } from "@bufbuild/protobuf";
import { faultOf } from "../../contract/fault-status.ts";
import type { ClientFrame, Said } from "../../contract/websocket-frame.ts";
import { BridgeError, faults } from "../../core/errors.ts";
import { settle } from "../call.ts";
import type { PendingCall } from "./caller.ts";
import type { Dialect } from "./dialect.ts";
import { closeCodes } from "./limits.ts";
import type { Session, SessionContext } from "./session.ts";
import { eventsIn, type Subscription, SubscriptionSink } from "./subscription.ts";

/** What runs under an id. */
type Running = { readonly kind: "call"; readonly pending: PendingCall } | Subscription;

export class Conversation implements Session {
  readonly #context: SessionContext;
  readonly #dialect: Dialect;
  readonly #running = new Map<string, Running>();
  readonly #updates = new Set<PendingCall>();
  #subscriptions = 0;
  #refusals = 0;
  #isLeaving = false;

  constructor(context: SessionContext, dialect: Dialect) {
    this.#context = context;
    this.#dialect = dialect;
    context.peer.onGone(() => {
      for (const { pending } of this.#running.values()) pending.cancel();
      for (const pending of this.#updates) pending.cancel();
    });
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  get inFlight(): number {
    return this.#running.size - this.#subscriptions + this.#updates.size;
  }

  welcome(): void {
    const { caller, greeting } = this.#context;
    const payload = this.#dialect.welcome({ ...greeting, principal: caller.principal?.name ?? "" });
    this.#say("welcome", "", payload);
  }

  /** A welcome that names nobody asks who calls. */
  unknown(): void {
    this.welcome();
  }

  fail(fault: BridgeError): void {
    this.#fail("", fault);
  }

  leave(): void {
    this.#isLeaving = true;
    this.#say("closing", "");
    this.#closeWhenQuiet();
  }

  receive(data: Buffer, binary: boolean): void {
    const { peer } = this.#context;
    let frame: ClientFrame;
    try {
      if (binary !== this.#dialect.binary) {
        const wanted = this.#dialect.binary ? "binary" : "text";
        throw new BridgeError("invalid_argument", `${this.#dialect.name} is spoken in ${wanted} messages.`);
      }
      frame = this.#dialect.read(data);
    } catch (error) {
      this.#fail("", faultOf(error, "(none)"));
      this.#context.refused("malformed", "a message is no frame");
      peer.close(closeCodes.badFrame, "the message is no frame; the error before says why");
      return;
    }
    const answer = () => {
      try {
        this.#answer(frame);
      } catch (error) {
        this.#refuse(frame.id, faultOf(error, "(none)"));
      }
    };
    const method = frame.type === "call" ? this.#context.methods.known(frame.method) : undefined;
    const refuse = (fault: BridgeError) => this.#refuse(frame.id, fault);
    this.#context.caller.counted(answer, refuse, method, method && (() => frame.read(method.input)));
  }

  #answer(frame: ClientFrame): void {
    if (this.#context.peer.gone) return;
    switch (frame.type) {
      case "auth":
        void this.#context.authenticate(frame.token);
        break;
      case "call":
        this.#call(frame);
        break;
      case "subscribe":
        this.#subscribe(frame);
        break;
      case "update":
        void this.#update(frame);
        break;
      case "unsubscribe":
        this.#subscriptionOf(frame.id).pending.cancel();
        break;
      case "ping":
        this.#say("pong", frame.id);
    }
  }

  #call(frame: ClientFrame): void {
    if (!this.#claim(frame.id)) return;
    const method = this.#context.methods.unary(frame.method);
    this.#refuseWhenFull(this.inFlight, this.#context.limits.calls, "calls in flight", "calls_of_connection");
    const { input, output } = method.method;
    const pending = this.#begin(frame);
    this.#running.set(frame.id, { kind: "call", pending });
    const read = () => frame.read(input);
    const end = (said: Said, payload: Buffer) => {
      this.#running.delete(frame.id);
      this.#say(said, frame.id, payload);
      this.#closeWhenQuiet();
    };
    settle(
      () => method.run(read, pending, (message) => this.#dialect.own(output, message)),
      (payload) => end("result", payload),
      (fault) => end("error", this.#dialect.fault(fault)),
    );
  }

  #subscribe(frame: ClientFrame): void {
    if (!this.#claim(frame.id)) return;
    const method = this.#context.methods.stream(frame.method);
    const { subscriptions } = this.#context.limits;
    this.#refuseWhenFull(this.#subscriptions, subscriptions, "subscriptions", "subscriptions_of_connection");
    const subscription: Subscription = {
      kind: "subscription",
      pending: this.#begin(frame),
      method,
      opened: Promise.withResolvers(),
    };
    this.#running.set(frame.id, subscription);
    this.#subscriptions++;
    void this.#stream(frame, subscription);
  }

  async #stream(frame: ClientFrame, subscription: Subscription): Promise<void> {
    const { method, pending, opened } = subscription;
    const { id } = frame;
    let fault: BridgeError | undefined;
    try {
      const say = this.#say.bind(this);
      const sink = new SubscriptionSink(this.#context.peer, say, id, subscription);
      const encode = eventsIn(this.#dialect, subscription);
      await method.run(() => frame.read(method.method.input), pending, encode, sink);
    } catch (error) {
      fault = faultOf(error, "(none)");
    }
    opened.resolve(undefined);
    this.#running.delete(id);
    this.#subscriptions--;
    if (fault !== undefined && !pending.canceled) this.#fail(id, fault);
    this.#say("complete", id);
    this.#closeWhenQuiet();
  }

  /** The frame names the subscription; the request gets its stream's id here. */
  async #update(frame: ClientFrame): Promise<void> {
    const { id } = frame;
    let pending: PendingCall | undefined;
    try {
      const subscription = this.#subscriptionOf(id);
      const method = this.#context.methods.updater(frame.method, subscription.method);
      this.#refuseWhenFull(this.inFlight, this.#context.limits.calls, "calls in flight", "calls_of_connection");
      pending = this.#begin(frame);
      this.#updates.add(pending);
      const streamId = await subscription.opened.promise;
      if (streamId === undefined) throw noSubscription(id);
      const { input, output } = method.method;
      const read = () => {
        const request = frame.read(input) as Message & { streamId?: string };
        if (request.streamId !== "" && request.streamId !== streamId) {
          const description = "must be left out, or be that of the subscription";
          throw new BridgeError("invalid_argument", `stream_id: ${description}`, {
            violations: [{ field: "stream_id", description }],
          });
        }
        request.streamId = streamId;
        return request;
      };
      this.#say("result", id, await method.run(read, pending, (message) => this.#dialect.own(output, message)));
    } catch (error) {
      if (pending === undefined) this.#refuse(id, faultOf(error, "(none)"));
      else this.#fail(id, faultOf(error, "(none)"));
    } finally {
      if (pending !== undefined) this.#updates.delete(pending);
    }
    this.#closeWhenQuiet();
  }

  #subscriptionOf(id: string): Subscription {
    const running = this.#running.get(id);
    if (running?.kind !== "subscription" || running.pending.canceled) throw noSubscription(id);
    return running;
  }

  /** Whether the id is free; a second use of it ends the connection. */
  #claim(id: string): boolean {
    if (!this.#running.has(id)) return true;
    const description = "is still in use on this connection";
    const violations = [{ field: "id", description }];
    this.#fail(id, new BridgeError("invalid_argument", `id: ${JSON.stringify(id)} ${description}.`, { violations }));
    this.#context.refused("malformed", "an id was used twice");
    this.#context.peer.close(closeCodes.duplicateId, "an id was used twice");
    return false;
  }

  #begin(frame: ClientFrame): PendingCall {
    this.#refusals = 0;
    return this.#context.caller.begin(frame);
  }

  #refuseWhenFull(used: number, limit: number, what: string, quota: string): void {
    if (used < limit) return;
    throw new BridgeError("quota_exceeded", `There are ${used} ${what} on this connection, the most allowed.`, {
      metadata: { quota, limit: String(limit) },
      retryAfterMs: 1_000,
    });
  }

  /** Says no. Who asks on regardless is hung up on. */
  #refuse(id: string, fault: BridgeError): void {
    this.#fail(id, fault);
    if (faults[fault.fault].status !== "RESOURCE_EXHAUSTED") return;
    this.#context.refused("quota", fault.message);
    if (++this.#refusals <= this.#context.limits.refusals) return;
    this.#context.peer.close(closeCodes.tooMany, "too many frames were refused");
  }

  #fail(id: string, fault: BridgeError): void {
    this.#say("error", id, this.#dialect.fault(fault));
  }

  #say(type: Said, id: string, payload?: Buffer, seq = 0, word: string = type, ahead = 0): boolean {
    const { peer, calls } = this.#context;
    if (peer.gone) return true;
    return peer.write(
      this.#dialect.frame({ type, id, seq, at: calls.clock.now() }, payload, word),
      this.#dialect.binary,
      ahead,
    );
  }

  #closeWhenQuiet(): void {
    if (!this.#isLeaving || this.#running.size + this.#updates.size > 0) return;
    this.#context.peer.close(closeCodes.restart, "the bridge is leaving; come back in a moment");
  }
}

function noSubscription(id: string): BridgeError {
  return new BridgeError("unknown_stream", `There is no subscription ${JSON.stringify(id)} on this connection.`);
}
