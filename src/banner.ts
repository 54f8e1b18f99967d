/** What is told once the bridge is ready: text on a terminal, one line of the log elsewhere. */
import type { Account } from "./core/accounts/account.ts";
import { toMoney } from "./core/model/decimals.ts";
import type { Log } from "./telemetry/log.ts";

export interface Ready {
  readonly ports: {
    readonly host: string;
    readonly grpc: number;
    readonly http: number;
    readonly metrics: number;
    readonly secure: boolean;
  };
  readonly tracing: boolean;
  readonly account: Account;
  readonly folder: string;
  readonly version: string;
  readonly ms: number;
  readonly replay: readonly string[];
}

export function banner({ ports, tracing, account, folder, version, ms, replay }: Ready, log: Log): void {
  const { info, record, symbols } = account;
  const balance = `${toMoney(record.holdings.valuation.balance, info.currencyDigits)} ${info.currency}`;
  const names = [...symbols.keys()];
  const shown = names.length > 12 ? `${names.slice(0, 12).join(" ")} and ${names.length - 12} more` : names.join(" ");
  const market = replay.length === 0 ? "generated prices" : `replay of ${replay.length} file(s)`;
  const grpc = `${ports.host}:${ports.grpc}`;
  const scheme = ports.secure ? "https" : "http";
  const web = `${scheme}://${ports.host}:${ports.http}`;
  const metrics = `${scheme}://${ports.host}:${ports.metrics}`;
  const call = ports.secure ? "buf curl --protocol grpc" : "buf curl --protocol grpc --http2-prior-knowledge";
  const attempt = `${call} -d '{"symbols":["${names[0]}"]}' ${scheme}://${grpc}/mt5bridge.v1.TicksService/StreamTicks`;
  if (process.stdout.isTTY) {
    process.stdout.write(
      [
        "",
        `  mt5-bridge ${version}   PAPER TRADING: simulated money, ${market}`,
        "",
        `  account   ${info.alias} (${info.marginMode}, 1:${info.leverage}), balance ${balance}`,
        `  symbols   ${shown}`,
        `  gRPC      ${grpc} (reflection and health on)`,
        `  HTTP      ${web} (Connect, gRPC-Web, JSON, WebSocket at /websocket/ws, documentation at /docs)`,
        `  metrics   ${metrics}/metrics${tracing ? ", traces to the OpenTelemetry endpoint" : ""}`,
        `  data      ${folder}`,
        "",
        `  try       npx ${attempt}`,
        "",
        "",
      ].join("\n"),
    );
  }
  log.note("info", "bridge", `ready: PAPER trading on ${grpc}`, {
    account: info.alias,
    balance,
    market,
    symbols: names.length > 12 ? names.length : names,
    grpc,
    http: web,
    metrics,
    tracing,
    data: folder,
    ms,
    try: attempt,
  });
}
