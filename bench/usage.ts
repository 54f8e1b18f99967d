/** What the operating system says of a process: its memory and the time it has computed. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_A_SECOND = 100; // of /proc, on every Linux

export interface Usage {
  /** MiB. */
  readonly rss: number;
  /** The most so far; unknown outside Linux. */
  readonly peak: number;
  /** Seconds of all its threads; unknown outside Linux. */
  readonly cpu: number;
}

export function usageOf(pid: number): Usage {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return {
      rss: kib("VmRSS") / 1024,
      peak: kib("VmHWM") / 1024,
      cpu: ((user ?? Number.NaN) + (system ?? Number.NaN)) / TICKS_A_SECOND,
    };
  } catch {
    const rss = Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024;
    return { rss, peak: Number.NaN, cpu: Number.NaN };
  }
}

/** Microseconds that the main thread and all threads of a process have computed; unknown outside Linux. */
export function computedBy(pid: number): { readonly main: number; readonly whole: number } {
  try {
    const micros = (thread: string) => {
      const [nanos] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ");
      return Number(nanos) / 1000;
    };
    const threads = readdirSync(`/proc/${pid}/task`);
    return { main: micros(String(pid)), whole: threads.reduce((sum, thread) => sum + micros(thread), 0) };
  } catch {
    return { main: Number.NaN, whole: Number.NaN };
  }
}
