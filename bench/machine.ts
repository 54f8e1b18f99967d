/** Where the figures were taken: they mean little elsewhere. */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

export function machineNote(): string {
  const [load = 0] = loadavg();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${memory} GiB, ${process.platform}, Node ${process.version}, load ${load.toFixed(1)} at the start`;
}
