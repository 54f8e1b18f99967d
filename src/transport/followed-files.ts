/**
 * Files that others replace while the bridge runs: keys and certificates.
 *
 * They are looked at once a second. The notices of the operating system would come sooner, but they follow a file and
 * not a name: of a mounted secret, which Kubernetes replaces by turning a link, they tell nothing.
 *
 * Always true: a change after `follow` has been called is told, also one that comes before the caller has read the
 * files; one that was in the middle of being written is told again at its end.
 */
import { statSync } from "node:fs";
import type { Clock } from "../core/ports/clock.ts";

const lookEveryMs = 1_000;

/** Calls `changed` after each change, until the returned function is called. */
export function follow(paths: readonly string[], clock: Clock, changed: () => void): () => void {
  const stopped = new AbortController();
  let known = stateOf(paths);
  const look = async () => {
    for (;;) {
      await clock.sleep(lookEveryMs, stopped.signal);
      if (stopped.signal.aborted) return;
      const now = stateOf(paths);
      if (now === known) continue;
      known = now;
      changed();
    }
  };
  void look();
  return () => stopped.abort();
}

function stateOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? "gone" : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    })
    .join("\n");
}
