/**
 * Who calls over a connection, and each of its calls as the wrapper sees it.
 *
 * The credential comes with the handshake (header or subprotocol) or with the first frame, and may be renewed by a
 * later one; every call is checked with the newest. It is kept here only, and shown to `authenticate` only.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { faultOf } from "../../contract/fault-status.ts";
import type { Principal } from "../../contract/principal.ts";
import type { BridgeError } from "../../core/errors.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Credentials } from "../authenticate.ts";
import type { CallOptions, Reader } from "../call.ts";
import type { Incoming } from "../passage.ts";
import type { Peer } from "./peer.ts";

interface FrameParticulars {
  readonly traceparent?: string | undefined;
  /** 0: none. */
  readonly timeoutMs?: number;
}

export class Caller implements Credentials {
  readonly peer: string;
  readonly #headers: IncomingHttpHeaders;
  readonly #calls: CallOptions;
  #authorization: string | undefined;
  #principal: Principal | undefined;

  constructor(peer: Peer, headers: IncomingHttpHeaders, authorization: string | undefined, calls: CallOptions) {
    this.peer = peer.address;
    this.#headers = headers;
    this.#authorization = authorization;
    this.#calls = calls;
  }

  /** Once known. */
  get principal(): Principal | undefined {
    return this.#principal;
  }

  get hasCredential(): boolean {
    return this.#authorization !== undefined;
  }

  header(name: string): string | undefined {
    if (name === "authorization") return this.#authorization;
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** From here on the caller is who this token says. Throws when it says nobody. */
  async renew(token: string): Promise<Principal> {
    this.#authorization = `Bearer ${token}`;
    return this.recognise();
  }

  async recognise(): Promise<Principal> {
    this.#principal = undefined;
    this.#principal = await this.#calls.authenticate(this);
    return this.#principal;
  }

  /** Answers a message that is not one too many; `method` and `read` tell what it calls, where it calls. */
  counted(answer: () => void, refuse: (fault: BridgeError) => void, method?: DescMethod, read?: Reader): void {
    const { rates } = this.#calls;
    if (rates === undefined || this.#principal === undefined) answer();
    else rates.message(this.#principal, method, read).then(answer, (error) => refuse(faultOf(error, "(none)")));
  }

  begin({ traceparent, timeoutMs = 0 }: FrameParticulars = {}): PendingCall {
    return new PendingCall(this, traceparent ?? this.header("traceparent"), timeoutMs, this.#calls.clock);
  }
}

/** A call of the caller's. `cancel` tells whoever works on it that nobody waits any longer. */
export class PendingCall implements Incoming {
  readonly transport = "websocket";
  readonly peer: string;
  readonly deadline: Instant | undefined;
  readonly #caller: Caller;
  readonly #traceparent: string | undefined;
  #listeners: readonly (() => void)[] = [];
  #canceled = false;

  constructor(caller: Caller, traceparent: string | undefined, timeoutMs: number, clock: Clock) {
    this.peer = caller.peer;
    this.deadline = timeoutMs === 0 ? undefined : ((clock.now() + timeoutMs) as Instant);
    this.#caller = caller;
    this.#traceparent = traceparent;
  }

  get canceled(): boolean {
    return this.#canceled;
  }

  header(name: string): string | undefined {
    return name === "traceparent" ? this.#traceparent : this.#caller.header(name);
  }

  onGone(listener: () => void): void {
    if (this.#canceled) listener();
    else this.#listeners = [...this.#listeners, listener];
  }

  cancel(): void {
    this.#canceled = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}
