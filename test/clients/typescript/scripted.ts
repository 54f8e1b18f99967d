/** A bridge that says what the test tells it to, one connection after the other, and remembers what it was asked. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { Bridge, type CommonOptions, interceptorsOf } from "../../../clients/typescript/src/bridge.ts";
import { ErrorInfoSchema } from "../../../gen/ts/google/rpc/error_details_pb.ts";
import {
  type OrderSchema,
  OrdersService,
  type PlaceOrderRequest,
  type PlaceOrderResponseSchema,
  type StreamOrdersRequest,
  type StreamOrdersResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";

type Said = MessageInitShape<typeof StreamOrdersResponseSchema>;
/** What one connection brings; `undefined` is silence until the caller goes. */
export type Connection = readonly (Said | ConnectError | undefined)[];
type Placed = MessageInitShape<typeof PlaceOrderResponseSchema> | ConnectError;

export function scripted(
  script: { readonly connections?: readonly Connection[]; readonly answers?: readonly Placed[] },
  options: CommonOptions = {},
) {
  const asked: StreamOrdersRequest[] = [];
  const sent: PlaceOrderRequest[] = [];
  const headers: Headers[] = [];
  const gone: Promise<void>[] = [];
  const pauses: number[] = [];
  const transport = createRouterTransport(
    ({ service }) => {
      service(OrdersService, {
        placeOrder(request, context) {
          headers.push(context.requestHeader);
          const answer =
            script.answers?.[sent.push(request) - 1] ?? new ConnectError("the script is over", Code.Aborted);
          if (answer instanceof ConnectError) throw answer;
          return answer;
        },
        async *streamOrders(request, context) {
          gone.push(left(context));
          const connection = script.connections?.[asked.push(request) - 1];
          if (connection === undefined) throw new ConnectError("the script is over", Code.Unimplemented);
          for (const said of connection) {
            if (said instanceof ConnectError) throw said;
            if (said === undefined) return await left(context);
            yield said;
          }
        },
      });
    },
    { transport: { interceptors: interceptorsOf(options) } },
  );
  const wait = async (ms: number) => {
    if (pauses.push(ms) > 20) throw new Error("the client does not give up");
  };
  const bridge = new Bridge(transport, { wait, ...options });
  return { bridge, asked, sent, headers, gone, pauses };
}

function left({ signal }: HandlerContext): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export const at = (sequence: number, epoch = "e") => ({ epoch, sequence: BigInt(sequence) });

export const opened: Said = {
  event: { case: "opened", value: { streamId: "s", heartbeatInterval: { nanos: 100_000_000 }, cursor: at(0) } },
};
export const snapshot = (clientOrderId: string): Said => ({ event: { case: "snapshot", value: { clientOrderId } } });
export const snapshotEnd = (sequence: number, epoch?: string): Said => ({
  event: { case: "snapshotEnd", value: { cursor: at(sequence, epoch) } },
});
export const changed = (sequence: number, order: MessageInitShape<typeof OrderSchema>): Said => ({
  cursor: at(sequence),
  event: { case: "order", value: order },
});

/** A failure in the bridge's own words. */
export function fault(code: Code, reason: string, metadata: Record<string, string>): ConnectError {
  const info = create(ErrorInfoSchema, { reason, domain: "mt5bridge", metadata });
  return new ConnectError(reason, code, undefined, [{ desc: ErrorInfoSchema, value: info }]);
}
