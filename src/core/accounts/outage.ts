/** Why nothing can be written on an account, while that is so. */
import { BridgeError } from "../errors.ts";

export class Outage {
  readonly #watching = new Set<() => void>();
  #cause: unknown;

  /** The first thing that failed; undefined while all is well. */
  get cause(): unknown {
    return this.#cause;
  }

  get why(): string {
    return this.#reason().message;
  }

  /** What a caller is told. */
  get error(): BridgeError {
    const { message, metadata } = this.#reason();
    const nothing = { cause: this.#cause, metadata, retryAfterMs: 1000 };
    return new BridgeError("journal_unavailable", `${message}; nothing was sent`, nothing);
  }

  /** Calls back whenever it begins. */
  watch(callback: () => void): () => void {
    this.#watching.add(callback);
    return () => this.#watching.delete(callback);
  }

  /** Nothing more will become durable: whoever waits for it is told. */
  begin(cause: unknown): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    for (const callback of this.#watching) callback();
  }

  end(): void {
    this.#cause = undefined;
  }

  #reason(): Pick<BridgeError, "message" | "metadata"> {
    if (this.#cause instanceof BridgeError) return this.#cause;
    const why = this.#cause instanceof Error ? this.#cause.message : String(this.#cause);
    return { message: `the journal cannot be written: ${why}`, metadata: {} };
  }
}
