/**
 * Writes the generated code of the clients in Python and Go anew.
 *
 * It lies inside their packages, beside what is written by hand: neither pip nor Go takes anything from outside of the
 * folder that it installs. buf's own `clean` would empty the whole package, so the folders are removed here.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { goToolsReady, pythonToolsReady } from "./client-tools.ts";

const root = new URL("../", import.meta.url).pathname;

function generate(template: string, folder: string): void {
  rmSync(root + folder, { recursive: true, force: true });
  const { status } = spawnSync("buf", ["generate", "--template", template], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}

if (pythonToolsReady()) {
  generate("buf.gen.python.yaml", "clients/python/src/mt5bridge/v1");
  generate("buf.gen.agent.yaml", "clients/terminal/python/src/mt5_bridge_agent/mt5bridge");
}
if (goToolsReady()) generate("buf.gen.go.yaml", "clients/go/mt5bridge/v1");
