/**
 * What the terminal was asked to do, until what became of it is known.
 *
 * Always true:
 *   - A command is sent again under its own number only while the terminal's inbox is the
 *     one that may have it: in there it runs at most once.
 *   - A trade is over when its answer is here, or when none can come any more. A cut cable
 *     does not end it: it may still be carried out.
 *   - A question dies with the link: its answer is of no use later.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Command,
  type CommandResult,
  CommandSchema,
  ConnectResponseSchema,
  type Fingerprint,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { Outbox, type Room } from "./numbered.ts";

export type Action = Exclude<Command["action"], { case: undefined }>;

/** What became of a command, and when it was sent and answered, by the stopwatch. */
export interface Answered {
  readonly result: CommandResult;
  readonly sent: number;
  readonly here: number;
}

interface Pending {
  readonly sequence: number;
  readonly isTrade: boolean;
  readonly deadline: number;
  readonly sent: number;
  readonly part: ((result: CommandResult) => void) | undefined;
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: BridgeError) => void;
}

export interface CommandsParts {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly stopwatch: () => number;
  /** What may be under way, and what may wait for the terminal to take it. */
  readonly most: number;
  readonly room: Room;
}

/** What is asked besides the action itself. */
export interface Asking {
  /** A command that begins later than in so many ms is not carried out. */
  readonly within: number;
  readonly isTrade: boolean;
  readonly traceparent?: string;
  /** Takes each part of the answer in the turn in which it came: before whatever is told behind it. */
  readonly part?: (result: CommandResult) => void;
}

/** So long after its deadline (ms) a trade may still be answered; then nobody waits for it any more. */
const patience = 300_000;

export class Commands {
  readonly #parts: CommandsParts;
  readonly #pending = new Map<string, Pending>();
  #outbox: Outbox<Uint8Array>;
  #life: bigint;
  /** Given since the bridge began. */
  given = 0;
  /** Of them those that came too late. */
  expired = 0;

  constructor(parts: CommandsParts, life: bigint) {
    this.#parts = parts;
    this.#life = life;
    this.#outbox = new Outbox(parts.room);
  }

  get life(): bigint {
    return this.#life;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Whether a terminal that has taken so much of that life can go on where it was. */
  goesOn(life: bigint, taken: number): boolean {
    const fresh = this.#outbox.next === 1;
    if (life !== this.#life) return fresh;
    return taken >= this.#outbox.oldest - 1 && taken < this.#outbox.next;
  }

  /** A new life: what was asked before may have been done, and is not asked again. */
  begin(life: bigint, why: string): void {
    this.#life = life;
    this.#outbox = new Outbox(this.#parts.room);
    this.#end(() => true, why);
  }

  /** Numbers a command and hands its frame to `send`. Rejects at once where nothing was sent. */
  give(
    action: Action,
    account: Fingerprint,
    { within, isTrade, traceparent = "", part }: Asking,
    send: (frame: Uint8Array) => void,
  ): Promise<Answered> {
    const { clock, stopwatch, most } = this.#parts;
    const sequence = this.#outbox.next;
    const id = `${this.#life}-${sequence}`;
    const deadline = clock.now() + within;
    const command = { sequence: BigInt(sequence), id, deadlineMs: BigInt(deadline), account, traceparent, action };
    const frame = toBinary(
      ConnectResponseSchema,
      create(ConnectResponseSchema, { frame: { case: "command", value: create(CommandSchema, command) } }),
    );
    if (this.#pending.size >= most || this.#outbox.add(frame, frame.length) === undefined) {
      const waiting = `${this.#pending.size} commands wait for the terminal already`;
      return Promise.reject(new BridgeError("terminal_offline", `${waiting}; nothing was sent`));
    }
    this.given++;
    return new Promise((resolve, reject) => {
      const sent = stopwatch();
      this.#pending.set(id, { sequence, isTrade, deadline, sent, part, resolve, reject });
      send(frame);
    });
  }

  /** What became of a command. One that nobody waits for any more is passed over. */
  answer(result: CommandResult): void {
    const asked = this.#pending.get(result.id);
    if (asked === undefined) return;
    this.#outbox.acknowledge(asked.sequence); // what is answered was taken, with all before it: it never leaves again
    try {
      asked.part?.(result);
    } catch (cause) {
      this.#pending.delete(result.id);
      asked.reject(new BridgeError("internal", "the terminal's answer could not be read", { cause }));
      return;
    }
    if (result.more) return;
    this.#pending.delete(result.id);
    asked.resolve({ result, sent: asked.sent, here: this.#parts.stopwatch() });
  }

  /** The terminal has taken everything up to there. False: it cannot have. */
  acknowledge(sequence: number): boolean {
    return this.#outbox.acknowledge(sequence);
  }

  /** The frames that a terminal has not taken. */
  after(taken: number): readonly Uint8Array[] {
    this.#outbox.acknowledge(taken);
    return this.#outbox.after(taken).items.map(([, frame]) => frame);
  }

  /** The cable is cut: no question is answered any more. */
  cut(why: string): void {
    this.#end(({ isTrade }) => !isTrade, why);
  }

  /** Answers were forgotten: those to commands up to that number will not come. */
  forgotten(through: number, why: string): void {
    this.#end(({ sequence }) => sequence <= through, why);
  }

  /** The last number that the terminal has acknowledged. */
  get taken(): number {
    return this.#outbox.oldest - 1;
  }

  /** What nobody has answered for long is never answered. */
  giveUp(): void {
    const now = this.#parts.clock.now();
    this.#end(({ deadline }) => now > deadline + patience, "the terminal has not said what became of it");
  }

  #end(isMeant: (asked: Pending) => boolean, why: string): void {
    for (const [id, asked] of [...this.#pending]) {
      if (!isMeant(asked)) continue;
      this.#pending.delete(id);
      asked.reject(new BridgeError(asked.isTrade ? "terminal_silent" : "terminal_offline", why));
    }
  }
}

/** A question that the terminal has not answered, and why. */
export const unanswered = (what: string, message: string): BridgeError =>
  new BridgeError("terminal_offline", message === "" ? what : `${what}: ${message}`);
