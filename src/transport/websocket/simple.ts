/**
 * The simple profile: pushes the account, ticks and a heartbeat, and takes signals to trade, in plain words.
 *
 * It is the framed conversation's own RPCs under another name: StreamAccount and StreamTicks are followed for the
 * client, a signal becomes PlaceOrder or ClosePosition, all through the same wrapper. Ticks of all symbols come until
 * `subscribe` names some; a slow reader gets the newest of each symbol (delivery LATEST), never a queue of old ones.
 */
import { create, type Message } from "@bufbuild/protobuf";
import { faultOf } from "../../contract/fault-status.ts";
import { faultJson, type JsonObject } from "../../contract/json.ts";
import {
  type AccountData,
  accountData,
  fieldsOf,
  type SimpleFrame,
  simpleFrame,
  simpleText,
  subscribedData,
  tickData,
} from "../../contract/simple-frame.ts";
import { everySymbol, followAccount, followTicks, symbolsIn, type Wanted } from "../../contract/simple-request.ts";
import { type CallUnary, methodOf, runSignal, signalOf } from "../../contract/trading-signal.ts";
import { BridgeError } from "../../core/errors.ts";
import type { PendingCall } from "./caller.ts";
import { framed } from "./frame.ts";
import { closeCodes } from "./limits.ts";
import type { Methods } from "./methods.ts";
import type { Session, SessionContext } from "./session.ts";

/** What a stream's message becomes, as `framed` makes it; nothing when it says nothing to a simple client. */
type Frames = (message: Message) => readonly Buffer[];

const known = "heartbeat, subscribe, trading_signal, auth";

export class SimpleSession implements Session {
  readonly #context: SessionContext;
  readonly #closing: Methods;
  readonly #streams = new Set<PendingCall>();
  readonly #signals = new Set<PendingCall>();
  #ticks: PendingCall | undefined;
  #account: AccountData | undefined;
  #refusals = 0;
  #isOpen = false;
  #isLeaving = false;

  /** `closing`: the RPCs as a signal that closes calls them. */
  constructor(context: SessionContext, closing: Methods) {
    this.#context = context;
    this.#closing = closing;
    context.peer.onGone(() => {
      for (const pending of [...this.#streams, ...this.#signals]) pending.cancel();
    });
  }

  get subscriptions(): number {
    return this.#streams.size;
  }

  get inFlight(): number {
    return this.#signals.size;
  }

  welcome(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    void this.#follow(followAccount(this.#context.account), (message) => {
      const data = accountData(message, this.#account);
      if (data === undefined) return [];
      this.#account = data;
      return framed({ head: this.#text("account_info", { ...data }) }, false);
    });
    void this.#followEverything();
  }

  unknown(): void {
    this.fail(new BridgeError("unauthenticated", "Send auth with a token first, or connect with one."));
  }

  fail(fault: BridgeError): void {
    this.#say("error", { ...faultJson(fault) });
  }

  heartbeat(): void {
    this.#say("heartbeat", { server: this.#context.greeting.server, mode: this.#context.greeting.mode });
  }

  leave(): void {
    this.#isLeaving = true;
    this.#say("closing", { message: "The bridge is leaving; come back in a moment." });
    for (const pending of this.#streams) pending.cancel();
    this.#closeWhenQuiet();
  }

  receive(data: Buffer, binary: boolean): void {
    const { peer, caller } = this.#context;
    let frame: SimpleFrame;
    try {
      if (binary) throw new BridgeError("invalid_argument", "The simple profile is spoken in text messages.");
      frame = simpleFrame(data.toString());
    } catch (error) {
      this.fail(faultOf(error, "(none)"));
      this.#context.refused("malformed", "a message is no frame");
      peer.close(closeCodes.badFrame, "the message is no frame; the error before says why");
      return;
    }
    const answer = () => {
      try {
        this.#answer(frame);
      } catch (error) {
        this.#refuse(frame, faultOf(error, "(none)"));
      }
    };
    const method = frame.type === "trading_signal" ? methodOf(frame.body) : undefined;
    caller.counted(answer, (fault) => this.#refuse(frame, fault), method);
  }

  #answer({ type, body }: SimpleFrame): void {
    switch (type) {
      case "heartbeat":
        this.heartbeat();
        break;
      case "auth": {
        const { token } = fieldsOf(body, { token: "text" });
        void this.#context.authenticate(String(token ?? ""));
        break;
      }
      case "subscribe":
        void this.#followTicks(symbolsIn(body));
        break;
      case "trading_signal":
        this.#signal(body);
        break;
      default: {
        const violations = [{ field: "type", description: `must be one of ${known}` }];
        throw new BridgeError("invalid_argument", `There is no type ${JSON.stringify(type)}.`, { violations });
      }
    }
  }

  #signal(body: JsonObject): void {
    const signal = signalOf(body);
    const { limits, account } = this.#context;
    if (this.#signals.size >= limits.calls) {
      throw new BridgeError("quota_exceeded", `There are ${limits.calls} signals in flight on this connection.`, {
        metadata: { quota: "calls_of_connection", limit: String(limits.calls) },
        retryAfterMs: 1_000,
      });
    }
    this.#refusals = 0;
    const pending = this.#context.caller.begin();
    this.#signals.add(pending);
    const methods = signal.action === "CLOSE" ? this.#closing : this.#context.methods;
    runSignal(signal, account, this.#caller(pending, methods))
      .then(
        (result) => this.#say("signal_result", result),
        (error) => this.#failSignal(body, faultOf(error, "(none)")),
      )
      .finally(() => {
        this.#signals.delete(pending);
        this.#closeWhenQuiet();
      });
  }

  #caller(pending: PendingCall, methods: Methods): CallUnary {
    return async (method, request) => {
      const { run } = methods.unary(`${method.parent.typeName}/${method.name}`);
      const answer = await run(
        () => create(method.input, request),
        pending,
        (message) => message,
      );
      return answer as never;
    };
  }

  async #followEverything(): Promise<void> {
    const pending = this.#context.caller.begin();
    this.#streams.add(pending);
    try {
      const symbols = await everySymbol(this.#context.account, this.#caller(pending, this.#context.methods));
      if (symbols.length > 0 && this.#ticks === undefined) void this.#followTicks(symbols);
    } catch (error) {
      this.fail(faultOf(error, "(none)"));
    } finally {
      this.#streams.delete(pending);
    }
  }

  /** These symbols from now on, instead of those before. */
  async #followTicks(symbols: readonly string[]): Promise<void> {
    this.#ticks?.cancel();
    const pending = this.#context.caller.begin();
    this.#ticks = pending;
    const frames = (message: Message): readonly Buffer[] => {
      const subscribed = subscribedData(message);
      if (subscribed === undefined) return this.#tickFrames(message);
      return framed({ head: this.#text("subscribed", subscribed) }, false);
    };
    await this.#follow(followTicks(this.#context.account, symbols), frames, pending);
    if (this.#ticks === pending) this.#ticks = undefined;
  }

  /** Written once for all readers who get the same message, in one piece however many ticks it brings. */
  #tickFrames(message: Message): readonly Buffer[] {
    let frames = writtenOnce.get(message);
    if (frames === undefined) {
      const each = tickData(message).flatMap((data) => framed({ head: this.#text("tick_data", data) }, false));
      frames = [Buffer.concat(each)];
      writtenOnce.set(message, frames);
    }
    return frames;
  }

  async #follow(wanted: Wanted, frames: Frames, pending = this.#context.caller.begin()): Promise<void> {
    const { peer, methods } = this.#context;
    this.#streams.add(pending);
    const sink = {
      write: (all: readonly Buffer[], ahead: number) => peer.writeFramed(all, ahead),
      drained: () => peer.drained(),
      cork: () => peer.cork(),
      uncork: () => peer.uncork(),
      get gone() {
        return peer.gone || pending.canceled;
      },
    };
    let fault: BridgeError | undefined;
    try {
      const { run } = methods.stream(wanted.method);
      await run(() => wanted.request, pending, frames, sink);
    } catch (error) {
      fault = faultOf(error, "(none)");
    }
    this.#streams.delete(pending);
    if (!pending.canceled && !this.#isLeaving) {
      if (fault === undefined) peer.close(closeCodes.slowConsumer, "the reader fell too far behind");
      else this.fail(fault);
    }
    this.#closeWhenQuiet();
  }

  #refuse({ type, body }: SimpleFrame, fault: BridgeError): void {
    if (type === "trading_signal") this.#failSignal(body, fault);
    else this.fail(fault);
    if (fault.fault !== "quota_exceeded") return;
    this.#context.refused("quota", fault.message);
    if (++this.#refusals <= this.#context.limits.refusals) return;
    this.#context.peer.close(closeCodes.tooMany, "too many frames were refused");
  }

  #failSignal({ signal_id }: JsonObject, fault: BridgeError): void {
    this.#say("error", { ...faultJson(fault), ...(typeof signal_id === "string" ? { signal_id } : {}) });
  }

  #text(type: string, data: JsonObject): Buffer {
    return simpleText(type, this.#context.calls.clock.now(), data);
  }

  #say(type: string, data: JsonObject): void {
    this.#context.peer.write({ head: this.#text(type, data) }, false);
  }

  #closeWhenQuiet(): void {
    if (!this.#isLeaving || this.#signals.size > 0) return;
    this.#context.peer.close(closeCodes.restart, "the bridge is leaving; come back in a moment");
  }
}

const writtenOnce = new WeakMap<Message, readonly Buffer[]>();
