/**
 * The API keys that are good now.
 *
 * The file is read again whenever it has changed. A key that is no longer in it, or no longer the same, is refused
 * from then on, and the streams that were opened with it end.
 *
 * A file that has gone or cannot be understood changes nothing, and the log says so: a disk that is away for a moment
 * must not cut off every strategy. Taking a key back is done by taking it out of the file.
 */
import type { Principal } from "../contract/principal.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer } from "../core/ports/observer.ts";
import { idOf, isKeyOf, type KeyRecord, readKeys } from "./api-keys.ts";
import { type Check, unauthenticated } from "./authenticate.ts";
import { follow } from "./followed-files.ts";

interface Key {
  readonly record: KeyRecord;
  readonly principal: Principal;
  readonly revocation: AbortController;
}

export class KeyRing implements Check {
  readonly #path: string;
  readonly #observer: Observer;
  readonly #unfollow: () => void;
  #keys: ReadonlyMap<string, Key> = new Map();

  /** Throws when the file cannot be read or understood. */
  constructor(path: string, clock: Clock, observer: Observer) {
    this.#path = path;
    this.#observer = observer;
    this.#unfollow = follow([path], clock, () => this.#reload());
    try {
      this.#take(readKeys(path));
    } catch (error) {
      this.#unfollow();
      throw error;
    }
    if (this.#keys.size === 0) {
      observer.note("warn", "access", "There are no API keys: make one with `npm run keys -- create`", { file: path });
    }
  }

  principalOf(secret: string): Principal {
    const key = this.#keys.get(idOf(secret) ?? "");
    if (key !== undefined && isKeyOf(secret, key.record)) return key.principal;
    throw unauthenticated("The API key is not known here: it is mistyped, or it was revoked.");
  }

  close(): void {
    this.#unfollow();
  }

  #reload(): void {
    try {
      const before = this.#keys.size;
      this.#take(readKeys(this.#path));
      this.#observer.note("info", "access", "API keys were read anew", { keys: this.#keys.size, before });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#observer.note("error", "access", "API keys could not be read anew; those before stay good", { reason });
    }
  }

  #take(records: readonly KeyRecord[]): void {
    const before = this.#keys;
    this.#keys = new Map(
      records.map((record) => {
        const known = before.get(record.id);
        return [record.id, known !== undefined && isSame(known.record, record) ? known : keyOf(record)];
      }),
    );
    for (const [id, key] of before) if (this.#keys.get(id) !== key) key.revocation.abort();
  }
}

/** JSON from one schema: the same content is the same text. */
const isSame = (a: KeyRecord, b: KeyRecord): boolean => JSON.stringify(a) === JSON.stringify(b);

function keyOf(record: KeyRecord): Key {
  const revocation = new AbortController();
  const name = `${record.name}#${record.id}`;
  return { record, revocation, principal: { name, grants: record.scopes, revoked: revocation.signal } };
}
