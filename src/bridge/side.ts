/** What is behind the bridge: the accounts it has by itself, or those that come to it. */
import type { Connect } from "../contract/admin-service.ts";
import type { ControlRecord } from "../core/control/control-record.ts";
import type { LinkCarrier } from "../core/ports/link.ts";
import type { Ports } from "../edge/doors.ts";
import type { JournalStore } from "../store/journal-store.ts";
import type { Links } from "../telemetry/link-metrics.ts";
import type { Drain } from "../transport/drain.ts";

export interface Side {
  readonly control: ControlRecord;
  /** Where its data is. */
  readonly folder: string;
  /** Journals that are no account's. */
  readonly stores: readonly JournalStore[];
  /** Has terminals connect anew; absent where there is nothing to connect. */
  readonly connect?: Connect;
  /** Takes terminals that come over gRPC. */
  readonly links?: (carrier: LinkCarrier) => Promise<void>;
  /** What is told of links. */
  readonly counts?: Links;
  /** Somebody reads prices who is not a reader of a hub here. */
  readElsewhere?(): void;
  /** The bridge is open, on these ports. Resolves with the port that was opened for terminals alone. */
  begin(ports: Ports): Promise<{ readonly link?: number }>;
  /** Parts with the terminals once nothing is under way to them, at the latest at `until`. */
  leave(drain: Drain, until: number): Promise<void>;
  close(): Promise<void>;
}
