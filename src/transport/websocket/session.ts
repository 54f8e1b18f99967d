/** What a profile is to the endpoint, and what it gets from it. */
import type { Greeting } from "../../contract/websocket-frame.ts";
import type { BridgeError } from "../../core/errors.ts";
import type { CallOptions } from "../call.ts";
import type { RefusalKind } from "../refusals.ts";
import type { Caller } from "./caller.ts";
import type { WebsocketLimits } from "./limits.ts";
import type { Methods } from "./methods.ts";
import type { Peer } from "./peer.ts";

export interface SessionContext {
  readonly peer: Peer;
  readonly caller: Caller;
  readonly methods: Methods;
  readonly calls: CallOptions;
  readonly limits: WebsocketLimits;
  readonly greeting: Greeting;
  /** The account that the address named; empty: the only one. */
  readonly account: string;
  /** Tells the log that the peer was refused something. */
  refused(kind: RefusalKind, reason: string): void;
  /** Takes a new credential: welcomes the caller, or closes the connection. */
  authenticate(token: string): Promise<void>;
}

export interface Session {
  readonly subscriptions: number;
  /** Calls and updates that are not answered yet. */
  readonly inFlight: number;
  /** The caller is known; again after each new credential. */
  welcome(): void;
  /** Who calls has to be said first. */
  unknown(): void;
  receive(data: Buffer, binary: boolean): void;
  /** Says what went wrong with the connection as a whole. */
  fail(fault: BridgeError): void;
  /** The bridge is going: says so, and closes the connection when nothing is in flight any more. */
  leave(): void;
  /** Once every `heartbeatMs`. */
  heartbeat?(): void;
}
