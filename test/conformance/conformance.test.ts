/** The Connect project's suite against our adapters; what is known to fail stands in lists, with the reason. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { missing, pathOf } from "../packaging/programs.ts";

const here = new URL(".", import.meta.url).pathname;

async function conformance(name: string, server: string): Promise<{ code: number; said: string }> {
  const lists = ["known-failing", "known-flaky", "skip"]
    .filter((list) => existsSync(`${here}${name}-${list}.txt`))
    .flatMap((list) => [`--${list}`, `@${here}${name}-${list}.txt`]);
  const options = ["--mode", "server", "--conf", `${here}${name}.yaml`, ...lists];
  const runner = spawn(pathOf("connectconformance"), [...options, "--", process.execPath, here + server]);
  let said = "";
  for (const stream of [runner.stdout, runner.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const [code] = (await once(runner, "close")) as [number];
  return { code, said };
}

it.skipIf(missing("connectconformance")).each([
  ["gRPC", "grpc", 300],
  ["Connect, gRPC-Web and gRPC on the HTTP port", "http", 1_600],
])(
  "our %s does what the suite asks, but for the cases in the lists",
  async (_, name, cases) => {
    const { code, said } = await conformance(name, `${name}-server.ts`);
    expect(code, said).toBe(0);
    expect(Number(/Total cases: (\d+)/.exec(said)?.[1])).toBeGreaterThan(cases);
  },
  180_000,
);
