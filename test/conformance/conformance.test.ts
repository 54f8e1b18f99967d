/** The Connect project's suite against our adapters; what is known to fail stands in lists, with the reason. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { missing, pathOf } from "../packaging/programs.ts";

const here = new URL(".", import.meta.url).pathname;

async function conformance(name: string, server: string): Promise<{ code: number; said: string }> {
  const known = ["--known-failing", `@${here}${name}-known-failing.txt`];
  // One server at a time: on a busy machine several do not start within the runner's patience.
  const options = ["--mode", "server", "--max-servers", "1", "--conf", `${here}${name}.yaml`, ...known];
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
  ["gRPC", "grpc", 450],
  ["Connect, gRPC-Web and gRPC on the HTTP port", "http", 5_500],
])(
  "our %s does what the suite asks, but for the cases in the lists",
  async (_, name, cases) => {
    const { code, said } = await conformance(name, `${name}-server.ts`);
    expect(code, said).toBe(0);
    expect(Number(/Total cases: (\d+)/.exec(said)?.[1])).toBeGreaterThan(cases);
  },
  180_000,
);
