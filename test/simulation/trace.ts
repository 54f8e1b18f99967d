/**
 * What happened in a run, as one number: two runs with the same number went the same way.
 *
 * Lines for people are only made where somebody wants to read them.
 */
export class Trace {
  readonly lines: string[] | undefined;
  #hash = 0x811c9dc5;

  constructor(told = false) {
    this.lines = told ? [] : undefined;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** `detail` is for people, and does not count. */
  note(time: number, what: string, number = 0, detail?: () => string): void {
    let hash = this.#hash;
    for (let i = 0; i < what.length; i++) hash = Math.imul(hash ^ what.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ time, 0x01000193);
    this.#hash = Math.imul(hash ^ number, 0x01000193);
    if (this.lines === undefined) return;
    const at = String(time).padStart(6);
    this.lines.push(`${at} ${what}${number === 0 ? "" : ` ${number}`}${detail === undefined ? "" : `  ${detail()}`}`);
  }
}
