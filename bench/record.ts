/** A tick on its way from the feeder to a peer: 40 bytes, little-endian. */
export const RECORD = 40;

export const symbols = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"];

/** Of peers: their ticks are never resumed. */
export const epoch = "b7a1c0de-0000-4000-8000-000000000000";

/** The broker's clock is two hours ahead. */
const BROKER_MS = 7_200_000n;

/** The index of its symbol and the flags (u32), bid and ask (f64), time in ms and the symbol's own sequence (f64). */
export function writeRecord(
  bytes: Buffer,
  at: number,
  symbol: number,
  bid: number,
  time: number,
  sequence: number,
): void {
  bytes.writeUInt32LE(symbol, at);
  bytes.writeUInt32LE(6, at + 4);
  bytes.writeDoubleLE(bid, at + 8);
  bytes.writeDoubleLE(bid + 0.0001, at + 16);
  bytes.writeDoubleLE(time, at + 24);
  bytes.writeDoubleLE(sequence, at + 32);
}

/** As the fields of a message. */
export function tickAt(bytes: Buffer, at: number) {
  const timeMs = BigInt(bytes.readDoubleLE(at + 24));
  return {
    symbol: symbols[bytes.readUInt32LE(at)] as string,
    bid: bytes.readDoubleLE(at + 8),
    ask: bytes.readDoubleLE(at + 16),
    timeMs,
    brokerTimeMs: timeMs + BROKER_MS,
    flags: bytes.readUInt32LE(at + 4),
    sequence: BigInt(bytes.readDoubleLE(at + 32)),
  };
}
