/** What gRPC, gRPC-Web and Connect's streams put around each message: a byte of flags, none set here, and four of length. */

export const envelopeHead = 5;

/** `room`: memory of its own, as many readers may have it for long; or shared, for one that is written at once. */
export function inEnvelope(content: Uint8Array, room = Buffer.allocUnsafeSlow): Buffer {
  const envelope = room(envelopeHead + content.length);
  envelope[0] = 0;
  envelope.writeUInt32BE(content.length, 1);
  envelope.set(content, envelopeHead);
  return envelope;
}
