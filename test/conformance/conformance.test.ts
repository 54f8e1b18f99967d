/** The Connect project's suite against our adapters; what is known to fail stands in lists, with the reason. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { missing, pathOf } from "../packaging/programs.ts";

const here = new URL(".", import.meta.url).pathname;

async function conformance(name: string, server: string): Promise<{ code: number; said: string }> {
  const lists = ["known-failing", "known-flaky"].flatMap((list) => [`--${list}`, `@${here}${name}-${list}.txt`]);
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

it.skipIf(missing("connectconformance"))(
  "our gRPC does what the suite asks, but for the cases in the list",
  async () => {
    const { code, said } = await conformance("grpc", "grpc-server.ts");
    expect(code, said).toBe(0);
    expect(Number(/Total cases: (\d+)/.exec(said)?.[1])).toBeGreaterThan(300);
  },
  180_000,
);
