/** Brings the README's table of settings and `.env.example` up to date with src/settings.ts. */
import { readFileSync, writeFileSync } from "node:fs";
import { envExample, settingsTable } from "../src/help.ts";

const root = new URL("../", import.meta.url);
const readme = new URL("README.md", root);

/** The README with the table between its two markers replaced. */
export function withSettings(text: string): string {
  const [start, end] = ["<!-- settings: written by `npm run docs` -->\n", "\n<!-- end of settings -->"];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error("README.md has lost the markers around its table of settings");
  return `${text.slice(0, from + start.length)}\n${settingsTable()}\n${text.slice(to)}`;
}

if (import.meta.main) {
  writeFileSync(readme, withSettings(readFileSync(readme, "utf8")));
  writeFileSync(new URL(".env.example", root), envExample());
}
