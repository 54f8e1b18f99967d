/**
 * Names of 64 bits and the numbers that have them: 16 to 32 bytes a name, whatever it names.
 *
 * A ticket is a name as it is, a key by its hash; so two keys may share a name, and who asks
 * for one looks at what the numbers stand for.
 */

/** Of a slot: the name's high and low half, and the number; 0 where it is free. */
const WIDTH = 3;

export class CompactIndex {
  #slots = new Uint32Array(WIDTH * 1024);
  #count = 0;

  /** Numbers are 1 and above. A name may have several; the same pair twice is once. */
  add(name: bigint, number: number): void {
    if (4 * (this.#count + 1) > 3 * this.#capacity) this.#grow();
    whole[0] = name;
    if (this.#put(halves[1] as number, halves[0] as number, number)) this.#count += 1;
  }

  numbersOf(name: bigint): number[] {
    const found: number[] = [];
    if (this.#count === 0) return found;
    whole[0] = name;
    const [second = 0, first = 0] = halves;
    const slots = this.#slots;
    for (let at = this.#start(first, second); slots[at + 2] !== 0; at = this.#next(at)) {
      if (slots[at] === first && slots[at + 1] === second) found.push(slots[at + 2] as number);
    }
    return found;
  }

  get #capacity(): number {
    return this.#slots.length / WIDTH;
  }

  #put(first: number, second: number, number: number): boolean {
    const slots = this.#slots;
    let at = this.#start(first, second);
    for (; slots[at + 2] !== 0; at = this.#next(at)) {
      if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === number) return false;
    }
    slots[at] = first;
    slots[at + 1] = second;
    slots[at + 2] = number;
    return true;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += WIDTH) {
      const [first = 0, second = 0, number = 0] = [before[at], before[at + 1], before[at + 2]];
      if (number !== 0) this.#put(first, second, number);
    }
  }

  /** Tickets follow one another: they are to stand apart. */
  #start(first: number, second: number): number {
    const mixed = Math.imul(second ^ Math.imul(first, 0x85eb_ca6b), 0x9e37_79b1);
    return WIDTH * ((mixed ^ (mixed >>> 15)) & (this.#capacity - 1));
  }

  #next(at: number): number {
    return at + WIDTH === this.#slots.length ? 0 : at + WIDTH;
  }
}

/** A name and its two halves: taken apart by shifting, each time makes two more. */
const whole = new BigUint64Array(1);
const halves = new Uint32Array(whole.buffer);

/** The name of a key. It is kept on disk: another hash is another version of the snapshot. */
export function nameOf(key: string): bigint {
  let first = 0xdead_beef;
  let second = 0x41c6_ce57;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    first = Math.imul(first ^ code, 0x9e37_79b1);
    second = Math.imul(second ^ code, 0x5f35_6495);
  }
  first = Math.imul(first ^ (first >>> 16), 0x85eb_ca6b) ^ Math.imul(second ^ (second >>> 13), 0xc2b2_ae35);
  second = Math.imul(second ^ (second >>> 16), 0x85eb_ca6b) ^ Math.imul(first ^ (first >>> 13), 0xc2b2_ae35);
  return (BigInt(second >>> 0) << 32n) | BigInt(first >>> 0);
}
