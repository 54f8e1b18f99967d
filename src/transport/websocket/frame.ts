/**
 * A WebSocket message as the server writes it: unmasked, unfragmented, uncompressed (RFC 6455, 5.2).
 *
 * `ws` would do it too, but makes some objects for each reader and message, and takes one piece only: a stream's
 * payload, which readers share, would have to be copied for each of them to stand behind the reader's own head.
 */

/** A message in pieces; the middle one may be shared. */
export interface Pieces {
  readonly head: Buffer;
  readonly payload?: Buffer | undefined;
  readonly tail?: Buffer | undefined;
}

/** Pieces smaller than this are copied into one: a piece of its own costs the system call more than the copy. */
const small = 4096;

/** What to write to the socket, one after the other. */
export function framed({ head, payload, tail }: Pieces, binary: boolean): readonly Buffer[] {
  const length = head.length + (payload?.length ?? 0) + (tail?.length ?? 0);
  const lead = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const isSmall = length < small;
  const first = Buffer.allocUnsafe(lead + (isSmall ? length : head.length));
  first[0] = binary ? 0x82 : 0x81;
  if (lead === 2) first[1] = length;
  else if (lead === 4) {
    first[1] = 126;
    first.writeUInt16BE(length, 2);
  } else {
    first[1] = 127;
    first.writeUInt32BE(0, 2);
    first.writeUInt32BE(length, 6);
  }
  head.copy(first, lead);
  if (payload === undefined) return [first];
  if (!isSmall) return tail === undefined ? [first, payload] : [first, payload, tail];
  payload.copy(first, lead + head.length);
  tail?.copy(first, lead + head.length + payload.length);
  return [first];
}
