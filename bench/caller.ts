/** A client that makes one call, again and again, of one server or of several in turn. Run by `runClient`. */
import { work } from "./client.ts";
import { type Answered, type Load, load } from "./load.ts";
import { isFilled, orderRequests } from "./order-requests.ts";
import { computedBy } from "./usage.ts";
import { type Sender, type WayName, ways } from "./ways.ts";

export interface CallerTask extends Load {
  readonly servers: readonly { readonly port: number; readonly pid: number }[];
  /** Each server has its turn so often, warmed up before the first. */
  readonly rounds: number;
  readonly way: WayName;
  /** Service and method, or a path of plain HTTP. */
  readonly target: string;
  /** Orders, each under a key of its own; else a request without any field. */
  readonly orders?: "filled" | "any answer" | undefined;
}

export interface CallerResult extends Answered {
  /** The server's processor time, µs a call, of all its threads. */
  readonly cpu: number;
}

const requests = orderRequests();
const nothing = Buffer.alloc(0);

function callOf({ orders }: CallerTask, { send }: Sender): () => Promise<boolean> {
  const request = () => (orders === undefined ? nothing : (requests.next().value as Buffer));
  const isRight = orders === "filled" ? isFilled : (answer: Buffer) => answer.length > 0;
  return () => send(request()).then(isRight, () => false);
}

/** By server, its rounds. */
await work<CallerTask, CallerResult[][]>(async (task) => {
  const { servers, rounds, way, target } = task;
  const senders = await Promise.all(servers.map(({ port }) => ways[way](port, target)));
  const results: CallerResult[][] = servers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { pid }] of servers.entries()) {
      let before = computedBy(pid).whole;
      const call = callOf(task, senders[i] as Sender);
      const answered = await load(call, { ...task, warmMs: round === 0 ? task.warmMs : 0 }, () => {
        before = computedBy(pid).whole;
      });
      const cpu = (computedBy(pid).whole - before) / answered.count;
      results[i]?.push({ ...answered, cpu });
    }
  }
  for (const { close } of senders) close();
  return results;
});
