/** Makes a process of an MQL5 program: translated, and compiled by g++ with its sanitizers. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { tool } from "../tools.ts";
import { translate } from "./translate.ts";

/** Debian's package g++; scripts/test-tools.ts installs it and says when it is missing. */
export const compiler = tool("g++");
/** Debian's package libssl-dev, likewise: a program that is built without it has no TLS. */
export const openSsl = (): string | undefined => ["/usr/include/openssl/ssl.h"].find((path) => existsSync(path));

const here = new URL(".", import.meta.url).pathname;
/** What MetaEditor has nothing to say about is not an error here. */
const flags = "-std=c++20 -Og -g1 -fwrapv -Wall -Wextra -Werror -Wno-sign-compare -Wno-narrowing -Wno-unused-parameter";
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/** Optimised, g++ warns of copies out of arrays of size 0 that never run. */
const optimised = ["-O2", "-Wno-array-bounds", "-Wno-stringop-overflow"];

export interface Program {
  /** The .mq5 or .mqh file. */
  readonly file: string;
  /** What C++ comes behind it: the host's main(). */
  readonly host: string;
  /** Headers of the terminal's functions. */
  readonly shims?: readonly string[];
  /** Without them for measurements. */
  readonly sanitized?: boolean;
}

/** Builds `out`, an executable; throws what the compiler says. */
export function build({ file, host, shims = [], sanitized = true }: Program, out: string): void {
  if (compiler === undefined) throw new Error("g++ is not here");
  writeFileSync(`${out}.cpp`, `${translate(file, shims)}#line 1 "host"\n${host}`);
  const checks = sanitized ? sanitizers : optimised;
  const args = [
    ...flags.split(" "),
    ...checks,
    `-I${here}`,
    "-o",
    out,
    `${out}.cpp`,
    ...(openSsl() === undefined ? [] : ["-lssl", "-lcrypto"]),
  ];
  const { status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`g++ does not take ${file}:\n${stderr}`);
}
