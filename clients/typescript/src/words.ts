import { type OrderStage, OrderStageSchema } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";

/** The stage in a word, for example FILLED; its number when it is newer than this client. */
export function stageName(stage: OrderStage): string {
  return OrderStageSchema.value[stage]?.localName ?? String(stage);
}
