/** What gRPC, gRPC-Web and Connect's streams put around each message: a byte of flags, none set here, and four of length. */

export const envelopeHead = 5;

export function inEnvelope(content: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafeSlow(envelopeHead + content.length);
  envelope[0] = 0;
  envelope.writeUInt32BE(content.length, 1);
  envelope.set(content, envelopeHead);
  return envelope;
}
