/** The messages, enums and services of the contract, as generated from its `.proto` files. */
export * from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
export * from "../../../gen/ts/mt5bridge/v1/admin_pb.ts";
export * from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
export * from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
export * from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
export * from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
