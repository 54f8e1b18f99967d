/**
 * The reports' way out: numbered, kept until the bridge has taken them, sent again after a
 * reconnect. When there is no room for more the oldest are forgotten, and a gap says so.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ConnectRequestSchema, type Report, type ReportSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { Outbox, type Room } from "../../../src/terminals/live/numbered.ts";

export type Event = Exclude<MessageInitShape<typeof ReportSchema>["event"], undefined>;
type Kind = "ticks" | "trades" | "results" | "other";

interface Written {
  readonly frame: Uint8Array;
  readonly kind: Kind;
}

/** How much may be sent and not acknowledged: what waits for the line has a limit of its own below that. */
const window = { count: 8192, bytes: 4 * 2 ** 20 } as const;

const kinds: Partial<Record<Exclude<Report["event"]["case"], undefined>, Kind>> = {
  ticks: "ticks",
  order: "trades",
  deal: "trades",
  position: "trades",
  positionClosed: "trades",
  result: "results",
};

export class Reports {
  readonly #outbox: Outbox<Written>;
  readonly #told: (command: string) => void;
  /** Of what was forgotten and may be missed. */
  readonly #forgotten = new Set<Kind>();
  #send: ((frame: Uint8Array) => void) | undefined;
  /** The last that was sent on this connection, and the last that was acknowledged. */
  #sent = 0;
  #taken = 0;
  #inFlight: number[] = [];
  #flying = 0;
  #roomy = Promise.withResolvers<void>();
  /** Results that end a command, and have not been acknowledged. */
  readonly #results: { readonly number: number; readonly id: string }[] = [];

  /** `told`: the bridge has the result of a command. */
  constructor(room: Room, told: (command: string) => void) {
    this.#outbox = new Outbox(room);
    this.#told = told;
  }

  /** The number of the oldest that can be sent again. */
  get oldest(): bigint {
    return BigInt(this.#outbox.oldest);
  }

  /** The number of the last one. */
  get last(): bigint {
    return BigInt(this.#outbox.next - 1);
  }

  add(event: Event): void {
    const sequence = this.#outbox.next;
    const frame = toBinary(
      ConnectRequestSchema,
      create(ConnectRequestSchema, { frame: { case: "report", value: { sequence: BigInt(sequence), event } } }),
    );
    if (event.case === "result" && event.value.more !== true && event.value.id !== undefined) {
      this.#results.push({ number: sequence, id: event.value.id });
    }
    for (const { kind } of this.#outbox.forgetFor(frame.length)) this.#forgotten.add(kind);
    const written = { frame, kind: (event.case && kinds[event.case]) ?? "other" };
    this.#outbox.add(written, frame.length);
    if (this.#sent === sequence - 1 && this.#mayFly) this.#post(sequence, written);
  }

  /** The bridge is there, and has taken everything up to `seen`. False when that was never given. */
  connect(seen: number, send: (frame: Uint8Array) => void): boolean {
    if (!this.acknowledge(seen)) return false;
    if (seen < this.#taken) for (const kind of ["ticks", "trades", "results"] as const) this.#forgotten.add(kind);
    this.#taken = seen;
    this.#send = send;
    this.#sent = seen;
    this.#inFlight = [];
    this.#flying = 0;
    this.#pump();
    return true;
  }

  disconnect(): void {
    this.#send = undefined;
    this.#roomy.resolve();
  }

  /** The bridge has taken everything up to `sequence`. False when that was never given. */
  acknowledge(sequence: number): boolean {
    if (sequence >= this.#outbox.next) return false;
    if (sequence <= this.#taken) return true;
    for (let [first] = this.#results; first !== undefined && first.number <= sequence; [first] = this.#results) {
      this.#results.shift();
      this.#told(first.id);
    }
    for (let n = sequence - this.#taken; n > 0 && this.#inFlight.length > 0; n--) {
      this.#flying -= this.#inFlight.shift() ?? 0;
    }
    this.#taken = sequence;
    this.#outbox.acknowledge(sequence);
    if (sequence >= this.#outbox.oldest - 1) this.#forgotten.clear();
    this.#pump();
    this.#roomy.resolve();
    return true;
  }

  /** Resolves when nothing waits to be sent but what is on its way, or when nobody is there to send it to. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const stop = () => this.#roomy.resolve();
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted && this.#send !== undefined && this.#sent < this.#outbox.next - 1) {
      this.#roomy = Promise.withResolvers();
      await this.#roomy.promise;
    }
    signal.removeEventListener("abort", stop);
  }

  get #mayFly(): boolean {
    return this.#send !== undefined && this.#inFlight.length < window.count && this.#flying < window.bytes;
  }

  #pump(): void {
    if (!this.#mayFly || this.#sent >= this.#outbox.next - 1) return;
    const { missing, items } = this.#outbox.after(this.#sent);
    if (missing !== undefined) this.#post(missing.through, this.#gap(missing));
    for (const [number, written] of items) {
      if (!this.#mayFly) return;
      this.#post(number, written);
    }
  }

  #gap({ from, through }: { readonly from: number; readonly through: number }): Written {
    const has = (kind: Kind) => this.#forgotten.has(kind);
    const gap = { from: BigInt(from), through: BigInt(through) };
    const among = { ticks: has("ticks"), trades: has("trades"), results: has("results") };
    const report = { sequence: gap.through, event: { case: "gap", value: { ...gap, ...among } } } as const;
    const frame = create(ConnectRequestSchema, { frame: { case: "report", value: report } });
    return { frame: toBinary(ConnectRequestSchema, frame), kind: "other" };
  }

  #post(number: number, { frame }: Written): void {
    for (let n = number - this.#sent; n > 1; n--) this.#inFlight.push(0); // numbers that a gap stands for
    this.#inFlight.push(frame.length);
    this.#flying += frame.length;
    this.#sent = number;
    this.#send?.(frame);
  }
}
