/**
 * Reads the fields of one line straight from its bytes.
 *
 * Splitting a line and giving its parts to Date and Number takes thirty times as long.
 * The first thing that is wrong stays in `fault`; what is read after it means nothing,
 * so a format reads a whole line and asks once.
 *
 * The bytes may go on after the line: no field reaches over a line's end.
 */
const [ZERO, NINE, POINT, COMMA, TAB, MINUS, NEWLINE, RETURN] = [48, 57, 46, 44, 9, 45, 10, 13] as const;

const powers = Array.from({ length: 16 }, (_, i) => 10 ** i);

export class Line {
  fault: string | undefined;
  /** A decimal had more digits after its point than were asked for, other than zeros. */
  rounded = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** The line is `bytes` from `from` up to its newline, and at most up to, not including, `to`. */
  set(bytes: Uint8Array, from: number, to: number): void {
    this.fault = undefined;
    this.rounded = false;
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  /** An unsigned whole number. */
  whole(what: string): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const from = this.#at;
    let at = from;
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#at = at;
    if (at === from) return this.fail(`${what} is not a number`);
    if (at - from > 15) return this.fail(`${what} is too long`);
    return value;
  }

  /** Exactly so many decimal digits. */
  digits(count: number, what: string): number {
    const end = this.#at + count;
    if (end > this.#end) return this.fail(`${what} is too short`);
    let value = 0;
    for (; this.#at < end; this.#at++) {
      const digit = (this.#bytes[this.#at] as number) - ZERO;
      if (digit < 0 || digit > 9) return this.fail(`${what} is not a number`);
      value = value * 10 + digit;
    }
    return value;
  }

  /** What follows a second's point, as milliseconds: finer digits are cut off. Nothing there is 0. */
  fraction(): number {
    if (!this.#is(POINT)) return 0;
    this.#at++;
    let value = 0;
    let place = 100;
    for (; this.#isDigit(); this.#at++, place /= 10) {
      if (place >= 1) value += ((this.#bytes[this.#at] as number) - ZERO) * place;
    }
    return value;
  }

  /** Passes the decimals of a number that counts only in whole. */
  cutDecimals(): void {
    if (!this.#is(POINT)) return;
    this.#at++;
    while (this.#isDigit()) this.#at++;
  }

  /** An unsigned decimal in units of 10^-digits, to the nearest. */
  decimal(digits: number, what: string): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const from = this.#at;
    let at = from;
    let value = 0;
    let point = -1;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) value = value * 10 + (byte - ZERO);
      else if (byte === POINT && point < 0) point = at;
      else break;
    }
    this.#at = at;
    const decimals = point < 0 ? 0 : at - point - 1;
    if (at === from || (point >= 0 && at - from === 1)) {
      return this.fail(this.#is(MINUS) ? `${what} is negative` : `${what} is not a number`);
    }
    if (value > Number.MAX_SAFE_INTEGER || decimals > 15) return this.fail(`${what} has too many digits`);
    // Not `-more`: that is -0 where the two agree, which is no index, and slows every call down.
    if (decimals <= digits) return value * (powers[digits - decimals] as number);
    const exact = value / (powers[decimals - digits] as number);
    const whole = Math.round(exact);
    if (whole !== exact) this.rounded = true;
    return whole;
  }

  comma(): void {
    this.expect(COMMA, "a comma");
  }

  tab(): void {
    this.expect(TAB, "a tab");
  }

  expect(byte: number, what: string): void {
    if (this.#is(byte)) this.#at++;
    else this.fail(this.#at < this.#end ? `${what} was expected, not "${this.#rest()}"` : `${what} is missing`);
  }

  /** Whether the next byte is this one; passes it if so. */
  takes(byte: number): boolean {
    if (!this.#is(byte)) return false;
    this.#at++;
    return true;
  }

  /** Passes everything up to the next such byte. */
  passTo(byte: number): void {
    while (!this.ended && this.#bytes[this.#at] !== byte) this.#at++;
  }

  /** Whether the field that begins here has nothing in it. */
  emptyField(): boolean {
    return this.ended || this.#is(TAB) || this.#is(COMMA);
  }

  get ended(): boolean {
    return this.#at >= this.#end || this.next > 0;
  }

  /** Where the next line begins, if this one has been read up to its newline; else 0. */
  get next(): number {
    const bytes = this.#bytes;
    const at = this.#at < this.#end && bytes[this.#at] === RETURN ? this.#at + 1 : this.#at;
    return at < this.#end && bytes[at] === NEWLINE ? at + 1 : 0;
  }

  /** Nothing may be left. */
  finish(): void {
    if (!this.ended) this.fail(`"${this.#rest()}" is too much`);
  }

  fail(reason: string): 0 {
    this.fault ??= reason;
    return 0;
  }

  #is(byte: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === byte;
  }

  #isDigit(): boolean {
    if (this.#at >= this.#end) return false;
    const byte = this.#bytes[this.#at] as number;
    return byte >= ZERO && byte <= NINE;
  }

  /** What is left, fit for a log. */
  #rest(): string {
    const left = Buffer.from(this.#bytes.subarray(this.#at, Math.min(this.#end, this.#at + 24))).toString("latin1");
    return left.replace(/[^\x20-\x7e]/g, "?");
  }
}
