/** Pages of numbered things, newest first, of which memory has some and the archive the others. */
import { BOX, type Boxes, boxOf } from "./boxes.ts";

interface Source<T extends { readonly number: number }> {
  readonly boxes: Boxes<T>;
  isInMemory(number: number): boolean;
  /** As it is on disk; undefined when it is not there yet. */
  at(number: number): T | undefined;
}

/** From number `last` down, at most `limit`. The archive is read a box at a time, and only as far as needed. */
export async function listNewest<T extends { readonly number: number }>(
  { boxes, isInMemory, at }: Source<T>,
  last: number,
  limit: number,
  isWanted: (item: T) => boolean,
): Promise<T[]> {
  const found: T[] = [];
  let number = last;
  while (number >= 1 && found.length < limit) {
    const index = boxOf(number);
    const first = index * BOX + 1;
    const inBox = Array.from({ length: number - first + 1 }, (_, i) => first + i);
    const archived = inBox.every(isInMemory) ? undefined : await boxes.box(index);
    for (; number >= first && found.length < limit; number--) {
      const item = isInMemory(number) ? at(number) : archived?.get(number);
      if (item !== undefined && isWanted(item)) found.push(item);
    }
  }
  return found;
}
