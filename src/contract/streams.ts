/** What every stream says, as messages. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  ClosingSchema,
  CursorSchema,
  HeartbeatSchema,
  ResetSchema,
  SnapshotEndSchema,
  StreamOpenedSchema,
  type SymbolResultSchema,
  type Cursor as Wire,
} from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { AccountInfo } from "../core/model/account.ts";
import type { CourseEvent } from "../core/streams/course.ts";
import { type Cursor, resetMessage } from "../core/streams/cursor.ts";
import { duration, milliseconds, timestamp } from "./times.ts";
import { closings, resets, sources } from "./words.ts";

/** The longest silence, unless the reader asks for another. */
export const heartbeatOf = (wanted: Duration | undefined): number => milliseconds(wanted, 5_000);

export const cursorOf = ({ epoch, sequence }: Cursor): Wire =>
  create(CursorSchema, { epoch, sequence: BigInt(sequence) });

export const cursorFrom = (cursor: Wire | undefined): Cursor | undefined =>
  cursor && { epoch: cursor.epoch, sequence: Number(cursor.sequence) };

const closingMessages = {
  shutdown: "the bridge is shutting down; come back and resume from the cursor",
  slow_consumer: "the reader fell too far behind; come back and resume from the cursor",
} as const;

/** A stream's `event` oneof for what is common to all streams. */
export function courseEvent(
  event: CourseEvent,
  account: AccountInfo | undefined,
  symbols: MessageInitShape<typeof SymbolResultSchema>[] = [],
) {
  switch (event.type) {
    case "opened": {
      const value = create(StreamOpenedSchema, {
        streamId: event.id,
        account: account?.alias ?? "",
        live: account?.live ?? false,
        heartbeatInterval: duration(event.heartbeat),
        serverTime: timestamp(event.at),
        cursor: cursorOf(event.cursor),
        symbols,
      });
      return { case: "opened", value } as const;
    }
    case "snapshot_end":
      return { case: "snapshotEnd", value: create(SnapshotEndSchema, { cursor: cursorOf(event.cursor) }) } as const;
    case "heartbeat": {
      const value = create(HeartbeatSchema, {
        serverTime: timestamp(event.at),
        cursor: cursorOf(event.cursor),
        sourceState: sources[event.source],
        skipped: BigInt(event.skipped),
      });
      return { case: "heartbeat", value } as const;
    }
    case "reset": {
      const { reason, cursor } = event;
      const value = create(ResetSchema, {
        reason: resets[reason],
        message: resetMessage[reason],
        cursor: cursorOf(cursor),
      });
      return { case: "reset", value } as const;
    }
    case "closing": {
      const value = create(ClosingSchema, {
        reason: closings[event.reason],
        message: closingMessages[event.reason],
        cursor: cursorOf(event.cursor),
        retryAfter: duration(event.reason === "shutdown" ? 1_000 : 0),
      });
      return { case: "closing", value } as const;
    }
  }
}
