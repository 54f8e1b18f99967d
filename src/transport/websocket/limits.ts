/**
 * What one WebSocket, and all of them together, may cost.
 *
 * Each limit says what happens when it is reached; nothing here waits for a peer without an end.
 */
export interface WebsocketLimits {
  /** Open at once; one more is refused with HTTP 503. */
  readonly connections: number;
  /** Running at once on a connection; one more is refused with an error. */
  readonly subscriptions: number;
  /** In flight at once on a connection; one more is refused with an error. */
  readonly calls: number;
  /** Frames refused in a row for want of room; then the connection is closed with 4429. */
  readonly refusals: number;
  /** Of one message from the peer; a larger one closes the connection with 4413. */
  readonly frameBytes: number;
  /** Answers not yet taken by the peer; beyond that nothing more is read from it. Streams stop much earlier. */
  readonly bufferBytes: number;
  /** Between two pings. Who is silent for twice as long is taken for gone. */
  readonly pingMs: number;
  /** To say who calls, where that is needed; looked at with every ping. */
  readonly authMs: number;
  /** Without any call or subscription; looked at with every ping. */
  readonly idleMs: number;
  /** For a peer to answer our goodbye. */
  readonly closeMs: number;
  /** Between two `heartbeat` frames of the simple profile. */
  readonly heartbeatMs: number;
}

export const usualLimits: WebsocketLimits = {
  connections: 1_000,
  subscriptions: 100,
  calls: 64,
  refusals: 1_000,
  frameBytes: 1024 * 1024,
  bufferBytes: 1024 * 1024,
  pingMs: 15_000,
  authMs: 10_000,
  idleMs: 15 * 60_000,
  closeMs: 2_000,
  heartbeatMs: 5_000,
};

/** Why the bridge closes a connection; 4000 and above are the contract's own. */
export const closeCodes = {
  idle: 1000,
  restart: 1012,
  badFrame: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  duplicateId: 4409,
  tooLarge: 4413,
  tooMany: 4429,
  slowConsumer: 4508,
} as const;
