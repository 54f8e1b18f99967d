/**
 * A draft, read against its symbol's rules.
 *
 * Here is refused what can never be right: off the grid, out of range, a type or
 * filling that the symbol does not have, a price missing or on the wrong side of
 * another. What depends on the market or the account (distance, session, money) is the
 * terminal's to refuse. All violations are found at once; each names the field as it is
 * called on the wire, the valid range and MetaTrader's return code.
 */
import { BridgeError } from "../errors.ts";
import { lots, onGrid, type Price, toLots, toPrice, type Volume } from "../model/decimals.ts";
import type { Order, OrderChange, OrderRequest, OrderType, Side, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import { isUnnamed, numberOfUnnamed, type Unnamed } from "../model/unnamed.ts";
import type { ChangeDraft, OrderDraft, StopsDraft } from "./draft.ts";
import { Findings, retcodes } from "./findings.ts";
import { checkLifetime, isTimed, termsOf } from "./terms.ts";

export function validate(draft: OrderDraft, spec: SymbolSpec): OrderRequest {
  const findings = new Findings();
  const pending = draft.type !== "market";
  const closing = draft.position !== undefined;
  const volume = readVolume(draft.volume, spec, closing, findings);
  if (pending && closing) findings.add("position_ticket", "only a market order closes a position", retcodes.orderMode);
  if (!closing) checkOrderMode(draft.type, spec, findings);
  const wanted = readPrice("price", draft.price, spec, retcodes.price, findings);
  const stopLimit = readPrice("stop_limit_price", draft.stopLimitPrice, spec, retcodes.price, findings);
  const loss = readStop("stop_loss", draft.stopLoss, spec, findings);
  const profit = readStop("take_profit", draft.takeProfit, spec, findings);
  if (pending && !isGiven(draft.price)) {
    findings.add("price", `required for ${draft.type} orders`, retcodes.price);
  }
  checkStopLimit(draft.type, draft.side, wanted, stopLimit, isGiven(draft.stopLimitPrice), findings);
  const reference = draft.type === "stop_limit" ? stopLimit : wanted;
  if (pending && reference !== undefined) checkStopSides(draft.side, reference, loss, profit, spec, findings);
  const terms = termsOf(draft, spec, findings);
  findings.refuseIfAny();
  return {
    account: draft.account,
    clientOrderId: draft.clientOrderId,
    strategyId: draft.strategyId,
    symbol: draft.symbol,
    side: draft.side,
    type: draft.type,
    volume,
    ...(wanted === undefined ? {} : { price: wanted }),
    ...(stopLimit === undefined ? {} : { stopLimitPrice: stopLimit }),
    ...(loss === undefined ? {} : { stopLoss: loss }),
    ...(profit === undefined ? {} : { takeProfit: profit }),
    ...terms,
    deviation: draft.deviation,
    comment: draft.comment,
    ...(draft.position === undefined ? {} : { position: draft.position }),
  };
}

const isGiven = (price: number | undefined): boolean => price !== undefined && price !== 0;

/** The order as it should become; what the draft leaves out stays. */
export function validateChange(draft: ChangeDraft, order: Order, spec: SymbolSpec): OrderChange {
  const findings = new Findings();
  const wanted = readPrice("price", draft.price, spec, retcodes.price, findings) ?? order.price;
  const stopLimit =
    readPrice("stop_limit_price", draft.stopLimitPrice, spec, retcodes.price, findings) ?? order.stopLimitPrice;
  const loss = changedStop("stop_loss", draft.stopLoss, order.stopLoss, spec, findings);
  const profit = changedStop("take_profit", draft.takeProfit, order.takeProfit, spec, findings);
  if (draft.price === 0) findings.add("price", "must not be 0; absent leaves it as it is", retcodes.price);
  const timeInForce = draft.timeInForce ?? order.timeInForce;
  const expireTime = draft.expireTime ?? (isTimed(timeInForce) ? order.expireTime : undefined);
  const type = order.type === "close_by" ? "market" : named("type", order.type);
  const side = named("side", order.side);
  if (draft.stopLimitPrice !== undefined || draft.price !== undefined) {
    checkStopLimit(type, side, wanted, stopLimit, isGiven(draft.stopLimitPrice), findings);
  }
  const reference = type === "stop_limit" ? stopLimit : wanted;
  if (reference !== undefined) checkStopSides(side, reference, loss, profit, spec, findings);
  checkLifetime(timeInForce, expireTime, spec, findings);
  findings.refuseIfAny();
  return {
    price: wanted ?? (0 as Price),
    ...(stopLimit === undefined ? {} : { stopLimitPrice: stopLimit }),
    ...(loss === undefined ? {} : { stopLoss: loss }),
    ...(profit === undefined ? {} : { takeProfit: profit }),
    timeInForce,
    ...(expireTime === undefined ? {} : { expireTime }),
  };
}

/** The stops as they should become; what the draft leaves out stays. */
export function validateStops(draft: StopsDraft, position: Position, spec: SymbolSpec): Stops {
  const findings = new Findings();
  const loss = changedStop("stop_loss", draft.stopLoss, position.stopLoss, spec, findings);
  const profit = changedStop("take_profit", draft.takeProfit, position.takeProfit, spec, findings);
  const sign = named("side", position.side) === "buy" ? 1 : -1;
  if (loss !== undefined && profit !== undefined && sign * (profit - loss) <= 0) {
    const relation = position.side === "buy" ? "below" : "above";
    findings.add("stop_loss", `must be ${relation} take_profit ${show(profit, spec)}`, retcodes.stops);
  }
  findings.refuseIfAny();
  return {
    ...(loss === undefined ? {} : { stopLoss: loss }),
    ...(profit === undefined ? {} : { takeProfit: profit }),
  };
}

/** Nothing is sent about what the terminal tells with a number that has no word here: it could only be guessed. */
export function named<Word extends string>(what: string, word: Word | Unnamed): Word {
  if (!isUnnamed(word)) return word as Word;
  const message = `MetaTrader's number for its ${what} is ${numberOfUnnamed(word)}, which is not known here; nothing was sent`;
  throw new BridgeError("not_supported", message);
}

function readVolume(value: number, spec: SymbolSpec, closing: boolean, findings: Findings): Volume {
  const step = spec.volumeStep;
  const range = `${toLots(spec.volumeMin)} to ${toLots(spec.volumeMax)} lots in steps of ${toLots(step)}`;
  const least = closing ? step : spec.volumeMin; // the minimum does not hold for a rest that is closed
  const count = onGrid(value, toLots(step));
  if (count === undefined) {
    const near = nearest(Math.floor(value / toLots(step)) * step, step, least, spec.volumeMax);
    const named =
      near.length === 0 ? "" : `; nearest ${near.length > 1 ? "are" : "is"} ${near.map(toLots).join(" and ")}`;
    findings.add("volume", `${value} is off the step${named}; valid are ${range}`, retcodes.volume);
    return lots(0);
  }
  const volume = (count * step) as Volume;
  if (volume < least || volume > spec.volumeMax) {
    findings.add("volume", `${value} is out of range; valid are ${range}`, retcodes.volume);
  }
  return volume;
}

/** The volumes around a gap in the grid, as far as they are in range. */
function nearest(below: number, step: number, least: number, most: number): Volume[] {
  if (!Number.isFinite(below)) return [];
  const inRange = [below, below + step].map((volume) => Math.min(Math.max(volume, least), most) as Volume);
  return [...new Set(inRange)];
}

function readPrice(
  field: string,
  value: number | undefined,
  spec: SymbolSpec,
  retcode: number,
  findings: Findings,
): Price | undefined {
  if (value === undefined || value === 0) return undefined; // MetaTrader's 0 never travels through the core
  const tick = toPrice(spec.tickSize, spec.digits);
  const count = onGrid(value, tick);
  if (count !== undefined) return (count * spec.tickSize) as Price;
  if (!Number.isFinite(value) || Math.abs(value / tick) > Number.MAX_SAFE_INTEGER) {
    return findings.add(field, `${value} is not a price of ${spec.name}`, retcode);
  }
  const below = Math.floor(value / tick) * spec.tickSize;
  const near = `${show(below as Price, spec)} and ${show((below + spec.tickSize) as Price, spec)}`;
  return findings.add(field, `${value} is off the tick size ${tick}; nearest are ${near}`, retcode);
}

function readStop(field: string, value: number | undefined, spec: SymbolSpec, findings: Findings): Price | undefined {
  if (value === undefined || value === 0) return undefined;
  const mode = field === "stop_loss" ? "stop_loss" : "take_profit";
  if (!spec.orderModes.includes(mode)) {
    return findings.add(field, `${spec.name} does not allow it`, retcodes.orderMode);
  }
  return readPrice(field, value, spec, retcodes.stops, findings);
}

function changedStop(
  field: string,
  value: number | undefined,
  before: Price | undefined,
  spec: SymbolSpec,
  findings: Findings,
): Price | undefined {
  return value === undefined ? before : readStop(field, value, spec, findings);
}

function checkOrderMode(type: OrderType, spec: SymbolSpec, findings: Findings): void {
  if (spec.orderModes.includes(type)) return;
  findings.add(
    "type",
    `${spec.name} does not allow ${type} orders; valid are ${spec.orderModes.join(", ")}`,
    retcodes.orderMode,
  );
}

function checkStopLimit(
  type: OrderType,
  side: Side,
  trigger: Price | undefined,
  limit: Price | undefined,
  given: boolean,
  findings: Findings,
): void {
  if (type !== "stop_limit") {
    if (given) findings.add("stop_limit_price", "only stop-limit orders have one", retcodes.price);
    return;
  }
  if (limit === undefined) {
    if (!given) findings.add("stop_limit_price", "required for stop_limit orders", retcodes.price);
  } else if (trigger !== undefined && (side === "buy" ? limit >= trigger : limit <= trigger)) {
    findings.add("stop_limit_price", `must be ${side === "buy" ? "below" : "above"} price`, retcodes.price);
  }
}

function checkStopSides(
  side: Side,
  reference: Price,
  loss: Price | undefined,
  profit: Price | undefined,
  spec: SymbolSpec,
  findings: Findings,
): void {
  const sign = side === "buy" ? 1 : -1;
  const at = show(reference, spec);
  if (loss !== undefined && sign * (reference - loss) <= 0) {
    findings.add("stop_loss", `must be ${side === "buy" ? "below" : "above"} ${at}`, retcodes.stops);
  }
  if (profit !== undefined && sign * (profit - reference) <= 0) {
    findings.add("take_profit", `must be ${side === "buy" ? "above" : "below"} ${at}`, retcodes.stops);
  }
}

const show = (value: Price, spec: SymbolSpec): string => toPrice(value, spec.digits).toFixed(spec.digits);
