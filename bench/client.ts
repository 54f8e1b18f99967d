/**
 * Load comes from processes of their own, so that a client's work is not in the server's
 * time. A process is given one task, may say when it begins to measure, and tells what
 * came of it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

type News<Result> =
  | { readonly type: "began" }
  | { readonly type: "done"; readonly result: Result }
  | { readonly type: "failed"; readonly why: string };

export interface Client<Result> {
  readonly pid: number;
  readonly began: Promise<void>;
  readonly result: Promise<Result>;
  end(): void;
}

/** Runs a file of this folder with its task. */
export function startClient<Result>(file: string, task: object): Client<Result> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const began = Promise.withResolvers<void>();
  const result = Promise.withResolvers<Result>();
  child.on("message", (news: News<Result>) => {
    if (news.type === "began") began.resolve();
    else if (news.type === "done") result.resolve(news.result);
    else result.reject(new Error(`${file}: ${news.why}`));
  });
  child.once("exit", (code) => result.reject(new Error(`${file} ended with ${code}`)));
  result.promise.catch(() => began.resolve());
  child.send(task);
  return { pid: child.pid ?? 0, began: began.promise, result: result.promise, end: () => child.kill() };
}

/** The same, from beginning to end. */
export async function runClient<Result>(file: string, task: object): Promise<Result> {
  const client = startClient<Result>(file, task);
  try {
    return await client.result;
  } finally {
    client.end();
  }
}

/** The process's side: waits for its task and tells what came of it. */
export async function work<Task, Result>(run: (task: Task, began: () => void) => Promise<Result>): Promise<void> {
  const tell = (news: News<Result>) => process.send?.(news);
  process.once("disconnect", () => process.exit()); // nobody is left to tell
  const [task] = (await once(process, "message")) as [Task];
  try {
    tell({ type: "done", result: await run(task, () => tell({ type: "began" })) });
  } catch (error) {
    tell({ type: "failed", why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
