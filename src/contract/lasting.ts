/**
 * Answers that are given more than once: the same message each time, so that what it is encoded as lasts too.
 *
 * Always true: nobody changes such a message. What would be another answer is another message.
 */
import type { Message } from "@bufbuild/protobuf";

const all = new WeakSet<Message>();

export function lasting<M extends Message>(message: M): M {
  all.add(message);
  return message;
}

export const isLasting = (message: Message): boolean => all.has(message);

/** Whether two records of plain values say the same: then what was made of the one will do for the other. */
export function isAlike<T extends object>(one: T, other: T | undefined): boolean {
  for (const name in one) if (one[name] !== other?.[name]) return false;
  return true;
}
