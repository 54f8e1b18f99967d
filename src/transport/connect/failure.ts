/** A failure as the library takes it, which then has its form in every protocol. */
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";
import { faultOf } from "../../contract/fault-status.ts";
import { faultJson } from "../../contract/json.ts";
import { BridgeError } from "../../core/errors.ts";

const unreadable = new ConnectError("A failure could not be told.", Code.Internal);

export function connectError(thrown: unknown): ConnectError {
  const fault = thrown instanceof BridgeError ? thrown : faultOf(thrown, "(none)");
  return errorFromJson({ ...faultJson(fault) }, undefined, unreadable);
}
