/** The link's conformance scripts for the bridge's side; see script.ts and terminal-part.ts. */
import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BridgeSide } from "./bridge-side.ts";
import { parse } from "./script.ts";
import { TerminalPart } from "./terminal-part.ts";

const folder = new URL("scripts/bridge/", import.meta.url).pathname;
const files = globSync("*.txt", { cwd: folder }).toSorted();

for (const file of files) {
  describe.concurrent(`the bridge's side of the link, ${file}`, () => {
    for (const which of parse(file, readFileSync(folder + file, "utf8"))) {
      it(which.title, async () => {
        const { TOKEN: token, REAL, ACCOUNTS } = which.env;
        const bridge = new BridgeSide({ token, realAllowed: REAL === "yes", accounts: ACCOUNTS?.split(",") ?? [] });
        await bridge.open();
        try {
          await new TerminalPart(which, bridge).play();
        } catch (error) {
          expect.fail(
            `${file}: ${which.title}: ${(error as Error).message}\n${bridge.notes.lines.slice(-5).join("\n")}`,
          );
        } finally {
          await bridge.close();
        }
      });
    }
  });
}
