/** The options of a program that is run by npm: what was asked for, or a sentence about what was not understood. */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>["values"];

/** `--help` is answered with the usage, and so is what nobody understands; the program ends there. */
export function optionsOf<const T extends Options>(usage: string, options: T): Values<T> {
  const args = process.argv.slice(2);
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    process.stdout.write(usage);
    process.exit(0);
  }
  try {
    return parseArgs<{ args: string[]; options: T }>({ args, options }).values;
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${usage.trimEnd()}`);
  }
}

/** What an option says, as a whole number from `least` on. */
export function wholeOption(name: string, text: string, least: number): number {
  const number = Number(text);
  const isWhole = text.trim() !== "" && Number.isSafeInteger(number) && number >= least;
  return isWhole ? number : refuse(`--${name} must be a whole number from ${least} on, not ${JSON.stringify(text)}`);
}

/** What an option says, as one of the words. */
export function wordOption<const T extends string>(name: string, text: string, words: readonly T[]): T {
  const word = words.find((one) => one === text);
  return word ?? refuse(`--${name} must be one of ${words.join(", ")}, not ${JSON.stringify(text)}`);
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}
