/** What the saturation of the benchmark of ticks came to, as a picture for the README. */

export interface Bar {
  readonly name: string;
  /** Deliveries a second. */
  readonly value: number;
  /** So many times those of the naive peer; absent where that did not run. */
  readonly times: number | undefined;
  /** Of the server, nanoseconds for each tick that was delivered. */
  readonly cpu: number;
  readonly isOurs: boolean;
}

/** As they were measured. */
export const bars: Bar[] = [];

const [LINE, LEFT, WIDE, RIGHT, TOP] = [22, 260, 400, 200, 60] as const;

/** On a logarithmic scale, the fastest first: between the slowest and the fastest lies a factor of hundreds. */
export function chart(note: string): string {
  const sorted = bars.filter(({ value }) => value > 0).toSorted((a, b) => b.value - a.value);
  const least = Math.floor(Math.log10(Math.min(...sorted.map(({ value }) => value))));
  const most = Math.log10(sorted[0]?.value ?? 1);
  const [width, height] = [LEFT + WIDE + RIGHT, TOP + sorted.length * LINE + 30];
  const rows = sorted.map(({ name, value, times, cpu, isOurs }, i) => {
    const y = TOP + i * LINE;
    const long = Math.max(2, (WIDE * (Math.log10(value) - least)) / (most - least));
    const label = `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>`;
    const bar = `<rect x="${LEFT}" y="${y + 2}" width="${long.toFixed(1)}" height="${LINE - 6}" fill="${isOurs ? "#2563eb" : "#9ca3af"}"/>`;
    const figures = `${short(value)}${times === undefined ? "" : ` · ${rounded(times)} ×`} · ${rounded(cpu)} ns`;
    return `${label}${bar}<text x="${(LEFT + long + 6).toFixed(1)}" y="${y + 14}">${figures}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#6b7280">`,
    "<title>Ticks delivered a second to 100 subscribers at saturation, by each server</title>",
    `<text x="8" y="20" font-size="14">Ticks delivered a second to 100 subscribers at saturation, logarithmic</text>`,
    `<text x="8" y="40">delivered a second · times the naive grpc-js server · processor time of the server for each delivered tick</text>`,
    ...rows,
    `<text x="8" y="${height - 8}" font-size="10">${escaped(note)}</text>`,
    "</svg>\n",
  ].join("\n");
}

function short(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e3).toFixed(0)} k`;
}

const rounded = (value: number): string => Number(value.toPrecision(value < 10 ? 2 : 3)).toLocaleString("en");

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
