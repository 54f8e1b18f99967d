/** The contract's services, for whoever serves them without implementing them. */
import type { DescService } from "@bufbuild/protobuf";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";

/** With what `Service.always` says of each. */
export const descriptors: readonly { readonly descriptor: DescService; readonly always: boolean }[] = [
  { descriptor: AccountService, always: false },
  { descriptor: TicksService, always: false },
  { descriptor: OrdersService, always: false },
  { descriptor: HealthService, always: true },
  { descriptor: AdminService, always: true },
];

export { TicksService };
