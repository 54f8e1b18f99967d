/** What is told once the bridge is ready: text on a terminal, one line of the log elsewhere. */
import type { Account } from "./core/accounts/account.ts";
import { toMoney } from "./core/model/decimals.ts";
import type { Log } from "./telemetry/log.ts";

export interface Ready {
  readonly address: string;
  readonly metrics: string;
  readonly tracing: boolean;
  readonly account: Account;
  readonly folder: string;
  readonly version: string;
  readonly ms: number;
  readonly replay: readonly string[];
}

export function banner({ address, metrics, tracing, account, folder, version, ms, replay }: Ready, log: Log): void {
  const { info, record, symbols } = account;
  const balance = `${toMoney(record.holdings.valuation.balance, info.currencyDigits)} ${info.currency}`;
  const names = [...symbols.keys()];
  const shown = names.length > 12 ? `${names.slice(0, 12).join(" ")} and ${names.length - 12} more` : names.join(" ");
  const market = replay.length === 0 ? "generated prices" : `replay of ${replay.length} file(s)`;
  const attempt = `buf curl --protocol grpc --http2-prior-knowledge -d '{"symbols":["${names[0]}"]}' http://${address}/mt5bridge.v1.TicksService/StreamTicks`;
  if (process.stdout.isTTY) {
    process.stdout.write(
      [
        "",
        `  mt5-bridge ${version}   PAPER TRADING: simulated money, ${market}`,
        "",
        `  account   ${info.alias} (${info.marginMode}, 1:${info.leverage}), balance ${balance}`,
        `  symbols   ${shown}`,
        `  gRPC      ${address} (reflection and health on)`,
        `  metrics   http://${metrics}/metrics${tracing ? ", traces to the OpenTelemetry endpoint" : ""}`,
        `  data      ${folder}`,
        "",
        `  try       npx ${attempt}`,
        "",
        "",
      ].join("\n"),
    );
  }
  log.note("info", "bridge", `ready: PAPER trading on ${address}`, {
    account: info.alias,
    balance,
    market,
    symbols: names.length > 12 ? names.length : names,
    grpc: address,
    metrics,
    tracing,
    data: folder,
    ms,
    try: attempt,
  });
}
