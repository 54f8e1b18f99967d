/** What Prometheus is told of accounts: their orders, their terminal, and what trading is allowed. */
import type { Account } from "../core/accounts/account.ts";
import { strictness } from "../core/orders/trading-mode.ts";
import type { OrderCounts } from "./counts.ts";
import { by, byAccount, type Labels, type Metric, only } from "./metric.ts";

// biome-ignore format: a table is read by its rows
export function accountMetrics(accounts: readonly Account[], orders: OrderCounts): Metric[] {
  const reached = () => [...orders.reached.values()].map(({ labels, count }) => [labels, count] as const);
  const isUp = ({ desk }: Account) => desk.linkUp;
  return [
    ["counter",   "mt5bridge_orders_total",           "Orders that reached a stage.", reached],
    ["counter",   "mt5bridge_order_rejections_total", "Orders rejected, by reason.", by("reason", () => orders.rejections)],
    ["histogram", "mt5bridge_order_latency_seconds",  "How long each phase of an order took.", by("phase", () => orders.latency)],
    ["gauge",     "mt5_connection_status",            "1 while every terminal is connected, else 0.", only(() => (accounts.length > 0 && accounts.every(isUp) ? 1 : 0))],
    ["gauge",     "mt5bridge_trading_mode",           "What trading is allowed where: 0 everything, 1 only what reduces, 2 nothing. Empty labels: everywhere.", () => modesOf(accounts)],

    ...byAccount(() => accounts, ({ info }) => info.alias, [
      ["gauge",   "mt5bridge_orders_in_doubt",     "Orders whose fate is not known.", ({ record }) => record.orders.doubted.length],
      ["gauge",   "mt5bridge_changes_in_doubt",    "Cancellations and changes whose fate is not known.", ({ record }) => record.changes.doubted.length],
      ["gauge",   "mt5bridge_orders_open",         "Orders that have not ended.", ({ record }) => [...record.orders.open].length],
      ["gauge",   "mt5bridge_commands_in_flight",  "Commands that the terminal has not answered.", ({ desk }) => desk.inFlight],
      ["gauge",   "mt5bridge_terminal_up",         "1 while the terminal is connected, else 0.", ({ desk }) => (desk.linkUp ? 1 : 0)],
      ["counter", "mt5bridge_ticks_received_total", "Ticks from the terminal.", ({ hub }) => hub.cursor.sequence],
      ["gauge",   "mt5bridge_dead_man_switches_armed", "Strategies that have a dead-man switch armed.", ({ deadMen }) => deadMen.counts.armed],
      ["counter", "mt5bridge_dead_man_switches_fired_total", "Dead-man switches that have fired.", ({ deadMen }) => deadMen.counts.fired],
    ]),
  ];
}

/** Modes are set for all accounts alike, so that the first one knows them. */
function modesOf([first]: readonly Account[]): (readonly [Labels, number])[] {
  const set = (first?.desk.control.modes.entries ?? []).map(
    ({ account = "", symbol = "", mode }) => [{ account, symbol }, strictness[mode]] as const,
  );
  const isGlobal = set.some(([{ account, symbol }]) => account === "" && symbol === "");
  return isGlobal ? set : [[{ account: "", symbol: "" }, strictness.active], ...set];
}
