/**
 * MetaTrader's return codes by name: those that a paper broker can give.
 *
 * Codes of the client's own side (10012 timeout, 10027 algo trading off in the
 * terminal, 10031 no connection) and of a dealer (10006, 10028, 10032) are missing
 * on purpose: there is no client program, no line and no dealer in between.
 */
import type { Outcome } from "../../core/ports/terminal.ts";

// biome-ignore format: a table is read by its columns
export const retcodes = {
  accepted:             { code: 0,     text: "Done" },
  requote:              { code: 10004, text: "Requote" },
  canceled:             { code: 10007, text: "Request canceled" },
  placed:               { code: 10008, text: "Order placed" },
  done:                 { code: 10009, text: "Request executed" },
  done_partial:         { code: 10010, text: "Request executed partially" },
  invalid:              { code: 10013, text: "Invalid request" },
  invalid_volume:       { code: 10014, text: "Invalid volume" },
  invalid_price:        { code: 10015, text: "Invalid price" },
  invalid_stops:        { code: 10016, text: "Invalid stops" },
  trade_disabled:       { code: 10017, text: "Trade disabled" },
  market_closed:        { code: 10018, text: "Market closed" },
  no_money:             { code: 10019, text: "No money" },
  price_changed:        { code: 10020, text: "Price changed" },
  price_off:            { code: 10021, text: "No prices" },
  invalid_expiration:   { code: 10022, text: "Invalid order expiration" },
  order_changed:        { code: 10023, text: "Order has been changed already" },
  too_many_requests:    { code: 10024, text: "Too many trade requests" },
  no_changes:           { code: 10025, text: "Request doesn't contain changes" },
  server_disables_algo: { code: 10026, text: "AutoTrading disabled by server" },
  frozen:               { code: 10029, text: "Order or position frozen" },
  invalid_fill:         { code: 10030, text: "Unsupported filling mode" },
  limit_orders:         { code: 10033, text: "Orders limit reached" },
  limit_volume:         { code: 10034, text: "Volume limit reached" },
  invalid_order:        { code: 10035, text: "Invalid or prohibited order type" },
  position_closed:      { code: 10036, text: "Position doesn't exist" },
  invalid_close_volume: { code: 10038, text: "Volume to be closed exceeds the position volume" },
  close_order_exists:   { code: 10039, text: "Order to close the position exists already" },
  limit_positions:      { code: 10040, text: "Positions limit reached" },
  reject_cancel:        { code: 10041, text: "Order activation rejected, order canceled" },
  long_only:            { code: 10042, text: "Only long positions are allowed" },
  short_only:           { code: 10043, text: "Only short positions are allowed" },
  close_only:           { code: 10044, text: "Only closing of positions is allowed" },
  fifo_close:           { code: 10045, text: "Positions must be closed in FIFO order" },
  hedge_prohibited:     { code: 10046, text: "Opposite positions are prohibited" },
} as const satisfies Record<string, { code: number; text: string }>;

export type Retcode = keyof typeof retcodes;

/** Why a request was refused; `detail` adds the numbers that a person asks for next. */
export interface Refusal {
  readonly retcode: Retcode;
  readonly detail?: string;
}

export type RefusedOutcome = Extract<Outcome, { kind: "refused" }>;

export function messageOf(refusal: Refusal): string {
  const { text } = retcodes[refusal.retcode];
  return refusal.detail === undefined ? text : `${text}: ${refusal.detail}`;
}

export const refused = (refusal: Refusal): RefusedOutcome => ({
  kind: "refused",
  retcode: retcodes[refusal.retcode].code,
  message: messageOf(refusal),
});
