/** The bridge as a process: its settings, its log, and how it is stopped. */
import { readFileSync } from "node:fs";
import { start } from "./bridge/bridge.ts";
import { ConfigError, readConfig } from "./config.ts";
import { BridgeError } from "./core/errors.ts";
import { helpText } from "./help.ts";
import { openLog } from "./telemetry/log.ts";

/** Signals within so many milliseconds are one press of Ctrl-C. */
const samePress = 1000;

async function main(): Promise<void> {
  const [argument] = process.argv.slice(2);
  if (argument === "--help" || argument === "-h") {
    process.stdout.write(helpText());
    return;
  }
  if (argument !== undefined) throw new ConfigError([noArguments(argument)]);
  const config = readConfig(process.env, (path) => readFileSync(path, "utf8"));
  const log = openLog(config.logLevel);
  const end = async (code: number) => {
    await log.close();
    process.exit(code);
  };
  try {
    const { stop, lost } = await start(config, log);
    void lost.then((error) => {
      log.note("error", "bridge", "a thread of the edge is lost; the bridge stops", { error });
      return stop().finally(() => end(1));
    });
    let asked: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      // One Ctrl-C arrives twice, from the terminal and from npm; a second one ends the bridge at once.
      if (asked !== undefined) return performance.now() - asked > samePress ? void end(1) : undefined;
      asked = performance.now();
      log.note("info", "bridge", "stopping: streams are told, what is in flight ends", { signal });
      stop().then(
        () => {
          log.note("info", "bridge", "stopped");
          return end(0);
        },
        (error: unknown) => {
          log.note("error", "bridge", "the stop failed", { error });
          return end(1);
        },
      );
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.note("error", "bridge", `cannot start: ${message}`, error instanceof BridgeError ? {} : { error });
    await end(1);
  }
}

const noArguments = (given: string): string =>
  `${given}: there is no such option; settings are given in the environment (GRPC_PORT=50061 npm start) or in the file that CONFIG_FILE names, and --help shows them`;

main().catch((error: unknown) => {
  const known = error instanceof ConfigError;
  process.stderr.write(`${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 1;
});
