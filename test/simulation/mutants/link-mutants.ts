/** Bugs in the link to a live terminal, on either side of it: looked for with the link in between. */
import { type Mutant, mutant } from "./mutant.ts";

const live = "src/terminals/live";
const fake = "clients/terminal/fake";

const bugs: readonly Mutant[] = [
  {
    name: "the inbox is not looked at",
    edits: [
      {
        file: `${fake}/inbox.ts`,
        text: `        this.lastSeen = Number(first);\n        if (!this.#entries.has(second))`,
        becomes: "        if (!this.#entries.has(second))",
      },
      {
        file: `${fake}/side.ts`,
        text: "        const known = inbox.find(command.id);",
        becomes: "        const known = undefined as ReturnType<typeof inbox.find>;",
      },
      {
        file: `${live}/commands.ts`,
        text: "    return taken >= this.#outbox.oldest - 1 && taken < this.#outbox.next;",
        becomes: "    return taken < this.#outbox.next;",
      },
    ],
  },
  {
    name: "a command that the broker has not answered is sent again under a new number",
    edits: [
      {
        file: `${live}/trading.ts`,
        text: "    return this.#parts.link.ask({ case: kind, value }, { isTrade: true, traceparent });",
        becomes: `    const ask = () => this.#parts.link.ask({ case: kind, value }, { isTrade: true, traceparent });
    return ask().then((answered) => (answered.result.status === CommandStatus.UNANSWERED ? ask() : answered));`,
      },
      {
        file: `${live}/trading.ts`,
        text: "import { TradeRequestSchema }",
        becomes: "import { CommandStatus, TradeRequestSchema }",
      },
    ],
  },
  {
    name: "a terminal whose inbox was set back goes on where it was",
    edits: [
      {
        file: `${live}/commands.ts`,
        text: "    if (life !== this.#life) return fresh;\n",
        becomes: "    if (life !== this.#life) return true;\n",
      },
      {
        file: `${live}/commands.ts`,
        text: "    return taken >= this.#outbox.oldest - 1 && taken < this.#outbox.next;",
        becomes: "    return taken < this.#outbox.next;",
      },
    ],
  },
  mutant(
    "what the terminal has not seen is not sent again",
    `${live}/link.ts`,
    "connection.sendBytes(frame);\n    if (hello.clocks",
    "void frame;\n    if (hello.clocks",
  ),
  mutant(
    "a terminal whose inbox was set back is served under the same life",
    `${live}/link.ts`,
    "commands.begin(await nextLife(),",
    "await nextLife();\n      commands.begin(commands.life,",
  ),
  mutant(
    "what is answered leaves again for an inbox that was set back",
    `${live}/commands.ts`,
    "    this.#outbox.acknowledge(asked.sequence); //",
    "    //",
  ),
  mutant(
    "a terminal's side that was started anew counts as the same",
    `${live}/link.ts`,
    "const fresh = hello.reportsEpoch !== this.#reportsEpoch || this.counts.welcomed === 0;",
    "const fresh = this.counts.welcomed === 0;",
  ),
  mutant(
    "a command over which the terminal's side died counts as not sent",
    `${live}/outcome.ts`,
    "const unsent: ReadonlyMap<number, string> = new Map([\n",
    `const unsent: ReadonlyMap<number, string> = new Map([\n  [CommandStatus.INTERRUPTED, "it died"],\n`,
  ),
  mutant(
    "a command that the broker has not answered counts as not sent",
    `${live}/outcome.ts`,
    "const unsent: ReadonlyMap<number, string> = new Map([\n",
    `const unsent: ReadonlyMap<number, string> = new Map([\n  [CommandStatus.UNANSWERED, "no answer"],\n`,
  ),
  mutant(
    "a command that came too late counts as carried out",
    `${live}/outcome.ts`,
    "  const why = unsent.get(status);\n",
    "  if (status === CommandStatus.EXPIRED) return undefined;\n  const why = unsent.get(status);\n",
  ),
  mutant(
    "a trade whose answer stays away counts as not sent",
    `${live}/commands.ts`,
    `new BridgeError(asked.isTrade ? "terminal_silent" : "terminal_offline", why)`,
    `new BridgeError("terminal_offline", why)`,
  ),
  mutant(
    "what is asked without a link waits for one",
    `${live}/link.ts`,
    "    if (!up) return Promise.reject(",
    "    if (!up && this.#account === undefined) return Promise.reject(",
  ),
  mutant(
    "a command's deadline is not looked at",
    `${fake}/guard.ts`,
    "    if (late <= 0) return undefined;",
    "    if (late <= 0 || late > 0) return undefined;",
  ),
  {
    name: "any account is taken for ours",
    edits: [
      {
        file: `${live}/link.ts`,
        text: "    if (this.#account !== undefined) return equals(FingerprintSchema, this.#account, fingerprint);\n",
        becomes: "",
      },
      {
        file: `${live}/link.ts`,
        text: "    return fingerprint.login === this.#parts.login && fingerprint.server",
        becomes: "    return fingerprint.server",
      },
    ],
  },
  mutant(
    "a report is lost when others were lost before it",
    `${live}/numbered.ts`,
    "    const missing = sequence < through ? { from: sequence + 1, through } : undefined;",
    "    const missing = undefined as Missing | undefined;",
  ),
  mutant(
    "records that are not whole count as whole",
    `${live}/snapshot-parts.ts`,
    "this.#parts.at(-1)?.complete ? asked : (0 as Instant)",
    "asked",
  ),
  mutant(
    "the past is read from the moment of asking on",
    `${live}/terminal.ts`,
    "Math.floor(zone.toBroker(since) - clockDoubt)",
    "Math.floor(zone.toBroker(asked))",
  ),
  mutant(
    "the broker's clock is wrong by an hour",
    `${live}/records.ts`,
    "    return moment === undefined ? undefined : this.#parts.zone.toUtc(moment);",
    "    return moment === undefined ? undefined : ((this.#parts.zone.toUtc(moment) + 3_600_000) as Instant);",
  ),
  mutant(
    "an order's last moment is told by the wrong clock",
    `${live}/requests.ts`,
    "zone.toBroker(expireTime) / 1000",
    "expireTime / 1000",
  ),
  mutant(
    "the stop loss of a request is left out",
    `${live}/requests.ts`,
    "    stopLoss: told(stopLoss),",
    "    stopLoss: 0,",
  ),
  mutant(
    "the answer to one command is taken for that of another",
    `${live}/commands.ts`,
    "    const asked = this.#pending.get(result.id);\n    if (asked === undefined) return;\n",
    "    const [asked] = this.#pending.values();\n    if (asked === undefined) return;\n",
  ),
  mutant(
    "orders leave without the number that names them",
    `${live}/requests.ts`,
    "  const shared = { magic, symbol: name, comment: order.comment };",
    "  const shared = { magic: magic & ~0xffn, symbol: name, comment: order.comment };",
  ),
];

export const linkMutants: readonly Mutant[] = bugs.map((bug) => ({ ...bug, linked: true }));
