/** A bridge that cannot start says which setting is wrong, and what to do. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataFolder, startBridge } from "./bridge.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

describe("a bridge does not start", () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>;
  beforeEach(async () => {
    folder = await dataFolder();
  });
  afterEach(() => folder.remove());

  it("with an option that there is not, and says how settings are given", async () => {
    const command = [process.execPath, main, "--port", "5"] as const;
    await expect(startBridge({}, { command })).rejects.toThrow(
      "--port: there is no such option; settings are given in the environment (GRPC_PORT=50061 npm start) or in the file that CONFIG_FILE names",
    );
  });

  it("where DATA_DIR cannot be a folder", async () => {
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    await expect(startBridge({ DATA_DIR: file })).rejects.toThrow(`cannot start: DATA_DIR=${file}: ENOTDIR`);
  });

  it("on the data of one that runs, and says what to do", async () => {
    const bridge = await startBridge({ DATA_DIR: folder.path });
    await expect(startBridge({ DATA_DIR: folder.path })).rejects.toThrow(
      /cannot start: DATA_DIR=.*journal\.db is in use: .*; stop that, or use another folder/,
    );
    await bridge.stop("SIGKILL");
  });

  it("without its database, and says which setting names it, not what it says", async () => {
    const url = "postgresql://someone:secret-word@127.0.0.1:1/nowhere";
    const failed = startBridge({ DATA_DIR: folder.path, DATABASE_URL: url });
    await expect(failed).rejects.toThrow(/cannot start: DATABASE_URL: .*ECONNREFUSED/);
    await expect(failed).rejects.not.toThrow("secret-word");
  });
});
