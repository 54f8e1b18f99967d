/** A client that reads recorded ticks or bars from first to last, the largest pages there are. Run by `runClient`. */
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListBarsRequestSchema, ListTicksRequestSchema, TickForm, Timeframe } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";

import { work } from "./client.ts";
import { computedBy } from "./usage.ts";
import { ways } from "./ways.ts";

export interface ListerTask {
  readonly port: number;
  readonly pid: number;
  readonly list: "ticks" | "columns" | "M1" | "H1";
  /** All of it so often; once more before the first, to warm up. */
  readonly times: number;
}

export interface ListerResult {
  readonly rows: number;
  readonly pages: number;
  readonly ms: number;
  /** Microseconds that the bridge's main thread, and all its threads, have computed. */
  readonly main: number;
  readonly whole: number;
}

const ENVELOPE = 5;
const [ROWS, TOKEN, COLUMNS] = [1, 2, 3] as const;
const COUNT = 3;
/** Rows of the largest page. */
const [PAGE, PAGE_OF_COLUMNS] = [10_000, 100_000] as const;

function request(list: ListerTask["list"], pageToken: string): Buffer {
  const pageSize = list === "columns" ? PAGE_OF_COLUMNS : PAGE;
  const page = { symbol: "EURUSD", from: timestampFromMs(0), pageSize, pageToken };
  if (list === "ticks" || list === "columns") {
    const form = list === "columns" ? TickForm.COLUMNS : TickForm.ROWS;
    return Buffer.from(toBinary(ListTicksRequestSchema, create(ListTicksRequestSchema, { ...page, form })));
  }
  const bars = create(ListBarsRequestSchema, { ...page, timeframe: Timeframe[list] });
  return Buffer.from(toBinary(ListBarsRequestSchema, bars));
}

/** Rows are counted, not decoded: this client would be measured in the bridge's place. */
function lookedThrough(answer: Buffer): { readonly rows: number; readonly token: string } {
  const reader = new BinaryReader(answer.subarray(ENVELOPE));
  let [rows, token] = [0, ""];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === ROWS) rows++;
    if (field === TOKEN) token = reader.string();
    else if (field === COLUMNS) rows += countOf(reader.bytes());
    else reader.skip(wireType);
  }
  return { rows, token };
}

/** How many ticks these columns hold. */
function countOf(columns: Uint8Array): number {
  const reader = new BinaryReader(columns);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === COUNT) return reader.uint32();
    reader.skip(wireType);
  }
  return 0;
}

await work<ListerTask, ListerResult[]>(async ({ port, pid, list, times }) => {
  const method = list === "ticks" || list === "columns" ? "ListTicks" : "ListBars";
  const { send, close } = await ways.grpc(port, `mt5bridge.v1.TicksService/${method}`);
  const once = async (): Promise<ListerResult> => {
    const before = computedBy(pid);
    const began = performance.now();
    let [rows, pages, token] = [0, 0, ""];
    do {
      const page = lookedThrough(await send(request(list, token)));
      rows += page.rows;
      pages++;
      token = page.token;
    } while (token !== "");
    const ms = performance.now() - began;
    const after = computedBy(pid);
    return { rows, pages, ms, main: after.main - before.main, whole: after.whole - before.whole };
  };
  await once();
  const results: ListerResult[] = [];
  for (let i = 0; i < times; i++) results.push(await once());
  close();
  return results;
});
