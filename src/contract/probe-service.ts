/**
 * grpc.health.v1: what probes and load balancers ask, in one word.
 *
 * All services stand and fall together, so every name has the same answer. `Check` and `List` answer to the last,
 * also while the bridge is full or leaving; `Watch` says NOT_SERVING before it ends.
 */
import { create, type DescService } from "@bufbuild/protobuf";
import {
  Health,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/ts/grpc/health/v1/health_pb.ts";
import { BridgeError } from "../core/errors.ts";
import { type Call, type Service, service } from "./service.ts";

/** Whether the bridge serves, and a way to hear of changes. */
export interface Serving {
  serving(): boolean;
  /** Calls the listener after each change until the returned function is called. */
  changed(listener: () => void): () => void;
}

export function probeService(bridge: Serving, services: readonly DescService[]): Service {
  const names = ["", ...services.map(({ typeName }) => typeName), Health.typeName];
  const statusNow = (name: string, call: Call): Status => {
    if (!names.includes(name)) return Status.SERVICE_UNKNOWN;
    return bridge.serving() && !call.leaving.aborted ? Status.SERVING : Status.NOT_SERVING;
  };
  const answer = (status: Status) => create(HealthCheckResponseSchema, { status });

  return service(
    Health,
    {
      async check(request, call) {
        const status = statusNow(request.service, call);
        if (status !== Status.SERVICE_UNKNOWN) return answer(status);
        const description = `must be empty or one of ${names.slice(1).join(", ")}`;
        throw new BridgeError("unknown_service", "There is no service of this name.", {
          violations: [{ field: "service", description }],
        });
      },

      async list(_request, call) {
        return create(HealthListResponseSchema, {
          statuses: Object.fromEntries(names.map((name) => [name, answer(statusNow(name, call))])),
        });
      },

      async *watch(request, call) {
        let wake = () => {};
        const changed = () => wake();
        const unsubscribe = bridge.changed(changed);
        call.signal.addEventListener("abort", changed);
        call.leaving.addEventListener("abort", changed);
        try {
          let said: Status | undefined;
          while (!call.signal.aborted) {
            const now = statusNow(request.service, call);
            if (now !== said) {
              said = now;
              yield answer(now);
            } else if (call.leaving.aborted) {
              return;
            } else {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            }
          }
        } finally {
          unsubscribe();
          call.signal.removeEventListener("abort", changed);
          call.leaving.removeEventListener("abort", changed);
        }
      },
    },
    { always: true },
  );
}
