/** The table of settings, for people: as `--help`, as the README's table and as `.env.example`. */
import { groups, type Setting } from "./settings.ts";

const WIDTH = 100;

export function helpText(): string {
  const intro = [
    "mt5-bridge: a gateway between MetaTrader 5 and trading software, over gRPC.",
    "",
    "Usage: npm start                       with the built-in paper terminal",
    "       TERMINAL=live npm start         with live terminals, which dial in (docs/terminals.md)",
    "       GRPC_PORT=50061 npm start       with settings from the environment",
    "       npm start -- --help             this text",
    "",
    "Settings are read from the environment, then from the YAML file that CONFIG_FILE names, then",
    "from the defaults below. An empty value counts as not given.",
  ];
  const sections = groups.map(({ title, settings }) => {
    const rows = Object.entries(settings).flatMap(([name, row]) => [
      `  ${name}${row.default === undefined ? "" : `=${row.default}`}`,
      ...wrap(`${row.about} (${valid(row)})`, WIDTH - 6).map((line) => `      ${line}`),
    ]);
    return ["", title, "", ...rows];
  });
  return `${[...intro, ...sections.flat()].join("\n")}\n`;
}

/** Markdown, a table for each group. */
export function settingsTable(): string {
  const sections = groups.map(({ title, settings }) => {
    const rows = Object.entries(settings).map(([name, row]) => {
      const fallback = row.default === undefined ? "" : `\`${row.default.replaceAll(",", ", ")}\``;
      return `| \`${name}\` | ${fallback} | ${row.unit} | ${row.range} | ${row.about} |`;
    });
    return [`### ${title}`, "", "| name | default | unit | valid | meaning |", "|---|---|---|---|---|", ...rows, ""];
  });
  return sections.flat().join("\n").trimEnd();
}

/** Every setting at its default, each ready to be uncommented. */
export function envExample(): string {
  const intro = [
    "# Settings of mt5-bridge. Copy this file to .env: `npm start` reads it from there.",
    "# Each line shows the default; remove the # in front of a name to change it.",
    "# Written by `npm run docs` from src/settings.ts.",
  ];
  const sections = groups.map(({ title, settings }) => {
    const rows = Object.entries(settings).flatMap(([name, row]) => [
      ...wrap(`${row.about} (${valid(row)})`, WIDTH - 2).map((line) => `# ${line}`),
      `#${name}=${row.default ?? ""}`,
      "",
    ]);
    return ["", `# --- ${title} ---`, "", ...rows];
  });
  return `${[...intro, ...sections.flat()].join("\n").trimEnd()}\n`;
}

const valid = (row: Setting): string => (row.unit === "" ? row.range : `${row.range}; ${row.unit}`);

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
