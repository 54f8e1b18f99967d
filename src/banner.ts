/** What is told once the bridge is ready: text on a terminal, one line of the log elsewhere. */
import type { ServedAccounts } from "./bridge/served-accounts.ts";
import type { Config } from "./config.ts";
import type { Account } from "./core/accounts/account.ts";
import { toMoney } from "./core/model/decimals.ts";
import type { Log } from "./telemetry/log.ts";

export interface Ready {
  readonly ports: {
    readonly host: string;
    readonly grpc: number;
    readonly http: number;
    readonly metrics: number;
    /** Where terminals dial in that have only sockets. */
    readonly link?: number;
    readonly secure: boolean;
  };
  readonly tracing: boolean;
  readonly accounts: ServedAccounts;
  readonly config: Config;
  readonly folder: string;
  readonly version: string;
  readonly ms: number;
}

export function banner({ ports, tracing, accounts, config, folder, version, ms }: Ready, log: Log): void {
  const all = [...accounts.values()];
  const [first] = all;
  const names = [...new Set(all.flatMap(({ symbols }) => [...symbols.keys()]))];
  const shown = names.length > 12 ? `${names.slice(0, 12).join(" ")} and ${names.length - 12} more` : names.join(" ");
  const grpc = `${ports.host}:${ports.grpc}`;
  const scheme = ports.secure ? "https" : "http";
  const web = `${scheme}://${ports.host}:${ports.http}`;
  const metrics = `${scheme}://${ports.host}:${ports.metrics}`;
  const link = ports.link === undefined ? undefined : `${ports.host}:${ports.link}`;
  const waits = accounts.awaited("");
  const { replay } = config.paper;
  const paperMarket = replay.length === 0 ? "generated prices" : `replay of ${replay.length} file(s)`;
  const isPaper = config.terminal === "paper";
  const call = ports.secure ? "buf curl --protocol grpc" : "buf curl --protocol grpc --http2-prior-knowledge";
  const attempt = `${call} -d '{"symbols":["${names[0]}"]}' ${scheme}://${grpc}/mt5bridge.v1.TicksService/StreamTicks`;
  if (process.stdout.isTTY) {
    const kind = isPaper ? `PAPER TRADING: simulated money, ${paperMarket}` : "LIVE: accounts at brokers";
    process.stdout.write(
      [
        "",
        `  mt5-bridge ${version}   ${kind}`,
        "",
        ...all.map((account) => `  account   ${lineOf(account)}`),
        ...(waits === "" ? [] : [`  waits     ${waits}`]),
        ...(shown === "" ? [] : [`  symbols   ${shown}`]),
        `  gRPC      ${grpc} (reflection and health on)`,
        `  HTTP      ${web} (Connect, gRPC-Web, JSON, WebSocket at /websocket/ws, documentation at /docs)`,
        ...(link === undefined ? [] : [`  terminals ${link} (Expert Advisor), ${grpc} (agent)`]),
        `  metrics   ${metrics}/metrics${tracing ? ", traces to the OpenTelemetry endpoint" : ""}`,
        `  data      ${folder}`,
        "",
        ...(first === undefined ? [] : [`  try       npx ${attempt}`, ""]),
        "",
      ].join("\n"),
    );
  }
  log.note("info", "bridge", `ready: ${isPaper ? "PAPER" : "LIVE"} trading on ${grpc}`, {
    ...(isPaper
      ? { account: first?.info.alias, balance: first && balanceOf(first), market: paperMarket }
      : { accounts: [...accounts.keys()], link, ...(waits === "" ? {} : { waits }) }),
    symbols: names.length > 12 ? names.length : names,
    grpc,
    http: web,
    metrics,
    tracing,
    data: folder,
    ms,
    ...(first === undefined ? {} : { try: attempt }),
  });
}

const lineOf = (account: Account): string => {
  const { alias, marginMode, leverage } = account.info;
  return `${alias} (${marginMode}, 1:${leverage}), balance ${balanceOf(account)}`;
};

function balanceOf({ info, record }: Account): string {
  return `${toMoney(record.holdings.valuation.balance, info.currencyDigits)} ${info.currency}`;
}
