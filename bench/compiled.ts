/** Programs in C and C++, compiled when they are first needed, and again when their source has changed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const sources = new URL("./", import.meta.url);
export const tools = fileURLToPath(new URL("../.tools/bench/", import.meta.url));

/** Whether it could be run; an answer that it does not know the option will do. */
export function exists(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The path of what the command made of the sources; it runs in `.tools/bench`. */
export function made(name: string, from: readonly string[], command: string): string {
  mkdirSync(tools, { recursive: true });
  const path = `${tools}${name}`;
  const paths = from.map((file) => fileURLToPath(new URL(file, sources)));
  const isCurrent = existsSync(path) && paths.every((file) => statSync(file).mtimeMs < statSync(path).mtimeMs);
  if (!isCurrent)
    execFileSync("sh", ["-c", command, name, ...paths], { cwd: tools, stdio: ["ignore", "ignore", "inherit"] });
  return path;
}
