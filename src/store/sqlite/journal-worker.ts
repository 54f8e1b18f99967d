/** The journal's thread: here, and only here, something waits for the disk. */
import { parentPort, workerData } from "node:worker_threads";
import { troubleOf } from "./disk-trouble.ts";
import { JournalFile } from "./journal-file.ts";
import type { Answer, Failing, JournalSettings, Read, Reply, Request, ShelfRequest } from "./journal-messages.ts";

const port = parentPort;
if (port === null) throw new Error("journal-worker runs in a thread of its own");
const reply = (message: Reply) => port.postMessage(message);

const failing = (error: unknown): Failing => ({
  why: error instanceof Error ? error.message : String(error),
  trouble: troubleOf(error),
});

function answerTo(file: JournalFile, request: Read | ShelfRequest): Answer {
  switch (request.kind) {
    case "read":
      return file.page(request.log, request.first, request.last);
    case "get":
      return request.names.map((name) => file.text(request.log, name));
    case "put":
      file.keep(request.log, request.texts, request.drop);
      return undefined;
    case "names":
      return file.names(request.log);
  }
}

function serve(file: JournalFile): void {
  port?.on("message", (request: Request) => {
    switch (request.kind) {
      case "commit":
        try {
          file.commit(request.commit);
          reply({ kind: "committed" });
          file.checkpoint(); // nobody waits for it
        } catch (error) {
          reply({ kind: "failed", ...failing(error) });
        }
        break;
      case "close":
        file.close();
        port?.close();
        break;
      default:
        try {
          reply({ kind: "answer", id: request.id, value: answerTo(file, request) });
        } catch (error) {
          reply({ kind: "unreadable", id: request.id, ...failing(error) });
        }
    }
  });
}

try {
  const file = JournalFile.open(workerData as JournalSettings);
  serve(file);
  reply({ kind: "opened", logs: file.logs, cuts: file.cuts });
} catch (error) {
  reply({ kind: "refused", ...failing(error) });
  port.close();
}
