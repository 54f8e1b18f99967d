/** Where the tests find programs that are not npm packages; `scripts/test-tools.ts` gets them ready. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What `npm test` builds for itself, kept between runs. */
export const toolFolder = new URL("../.tools/bin", import.meta.url).pathname;

/** A folder for each client, in which nothing was but what its README says to do there. */
export const projects = new URL("../.tools/clients", import.meta.url).pathname;

/** The program's path, or undefined where this machine does not have it. */
export function tool(name: string): string | undefined {
  const folders = [toolFolder, ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
