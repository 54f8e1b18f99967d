/**
 * Faults as gRPC tells them: a code, a sentence, and `google.rpc.Status` in `grpc-status-details-bin`.
 *
 * grpc-js answers some calls itself, before or beside any handler: too large, not decompressible, no message at
 * all. Those answers are rewritten here, so that a client meets one form of error, and damaged input is
 * INVALID_ARGUMENT rather than INTERNAL or UNIMPLEMENTED. Two habits of its are taken off as well, which every client
 * bears and the protocol advises against: a message beside success, and padding behind binary values.
 */
import {
  Metadata,
  type ServerInterceptingCall,
  type ServerInterceptor,
  type StatusObject,
  status as statusCodes,
} from "@grpc/grpc-js";
import { encodeStatus, faultOf, statusOf } from "../../contract/fault-status.ts";
import { BridgeError, type Fault } from "../../core/errors.ts";
import type { RefusalKind, Refusals } from "../refusals.ts";

const detailsKey = "grpc-status-details-bin";

type PartialStatus = Pick<StatusObject, "code" | "details"> & { metadata?: Metadata | null };

export function grpcStatusOf(fault: unknown): StatusObject {
  const status = statusOf(fault instanceof BridgeError ? fault : faultOf(fault, "(none)"));
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(encodeStatus(status)));
  return { code: status.code, details: status.message, metadata };
}

/**
 * Looks at every status that leaves. The library sends its own through the same method of the call as everybody's,
 * so that method is where they can be met; an interceptor's responder would see the handlers' only.
 */
export function polishStatuses(headers: Readonly<Record<string, string>>, refusals: Refusals): ServerInterceptor {
  return ({ path }, call) => {
    const send = call.sendStatus.bind(call);
    call.sendStatus = (status: PartialStatus) => {
      if (status.code === statusCodes.OK) {
        if (status.metadata) unpad(status.metadata);
        return send({ ...status, details: "" });
      }
      const known = status.metadata && status.metadata.get(detailsKey).length > 0;
      const fault = known ? undefined : faultOfLibrary(status);
      const kind = fault && kinds[fault.fault];
      if (kind !== undefined)
        refusals.note(kind, "grpc", String(fault?.message), { peer: call.getPeer(), method: path });
      const polished: PartialStatus = fault === undefined ? status : grpcStatusOf(fault);
      const metadata = unpad(polished.metadata ?? new Metadata());
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      send({ ...polished, metadata });
    };
    return call as ServerInterceptingCall; // as it is: the class would put a layer around every step of the call
  };
}

/** What the library refuses by itself; nobody else tells the log of it. */
const kinds: Partial<Record<Fault, RefusalKind>> = {
  quota_exceeded: "size",
  invalid_argument: "malformed",
};

/** The library clones what it is given before it writes it. */
function unpad(metadata: Metadata): Metadata {
  const { toHttp2Headers, clone } = metadata;
  const bare = (value: unknown) => String(value).replace(/=+$/, "");
  metadata.clone = () => unpad(clone.call(metadata));
  metadata.toHttp2Headers = () => {
    const headers = toHttp2Headers.call(metadata);
    for (const [name, value] of Object.entries(headers)) {
      if (name.endsWith("-bin")) headers[name] = Array.isArray(value) ? value.map(bare) : bare(value);
    }
    return headers;
  };
  return metadata;
}

/** What grpc-js meant. */
function faultOfLibrary({ code, details }: PartialStatus): BridgeError {
  switch (code) {
    case statusCodes.RESOURCE_EXHAUSTED: {
      const message = `The message is larger than the limit: ${details}.`;
      return new BridgeError("quota_exceeded", message, { metadata: { quota: "message_size" } });
    }
    case statusCodes.DEADLINE_EXCEEDED:
      return new BridgeError("deadline_exceeded", "The call's deadline has passed.");
    case statusCodes.CANCELLED:
      return new BridgeError("canceled", "The call was canceled.");
    case statusCodes.UNIMPLEMENTED:
      if (details.startsWith("Received no request message")) {
        return new BridgeError("invalid_argument", "The call brought no complete request message.");
      }
      if (details.startsWith("Received a second request message")) {
        return new BridgeError("invalid_argument", "The call brought more than one request message.");
      }
      return new BridgeError("unknown_method", details);
    case statusCodes.INTERNAL:
      if (details === "Failed to decompress message") {
        return new BridgeError("invalid_argument", "The compressed request is damaged.");
      }
      if (details.startsWith("Invalid grpc-timeout")) return new BridgeError("invalid_argument", `${details}.`);
      return new BridgeError("internal", "The answer could not be sent.");
    default:
      return new BridgeError("internal", "The answer could not be sent.");
  }
}
