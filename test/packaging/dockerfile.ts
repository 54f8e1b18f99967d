/** What a stage of a Dockerfile says, as far as ours says it. */

export interface Stage {
  readonly workdir: string;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  /** In their order; `from` is the stage, or the build context where there is none. */
  readonly copies: readonly { readonly from?: string; readonly source: string; readonly target: string }[];
  readonly runs: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: readonly string[];
  readonly cmd: readonly string[];
}

/** The stage with those that it is built on, as images inherit. */
export function stageOf(dockerfile: string, name: string): Stage {
  const lines = dockerfile.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const from = lines.findIndex((line) => new RegExp(`^FROM \\S+ AS ${name}$`).test(line));
  if (from === -1) throw new Error(`there is no stage ${name}`);
  const base = lines[from]?.split(" ")[1] ?? "";
  const inherited = lines.some((line) => line.endsWith(` AS ${base}`)) ? stageOf(dockerfile, base) : nothing;
  const after = lines.slice(from + 1);
  const end = after.findIndex((line) => line.startsWith("FROM "));
  return after.slice(0, end === -1 ? undefined : end).reduce(instructed, inherited);
}

const nothing: Stage = {
  workdir: "/",
  user: "root",
  env: {},
  copies: [],
  runs: [],
  volumes: [],
  healthcheck: [],
  cmd: [],
};

function instructed(stage: Stage, line: string): Stage {
  const [instruction = ""] = line.split(" ", 1);
  const rest = line.slice(instruction.length).trim();
  switch (instruction) {
    case "WORKDIR":
      return { ...stage, workdir: rest };
    case "USER":
      return { ...stage, user: rest };
    case "ENV":
      return { ...stage, env: { ...stage.env, ...Object.fromEntries(rest.split(" ").map((pair) => pair.split("="))) } };
    case "COPY":
      return { ...stage, copies: [...stage.copies, ...copied(rest)] };
    case "RUN":
      return { ...stage, runs: [...stage.runs, rest] };
    case "VOLUME":
      return { ...stage, volumes: [...stage.volumes, rest] };
    case "HEALTHCHECK":
      return { ...stage, healthcheck: JSON.parse(rest.slice(rest.indexOf("["))) as string[] };
    case "CMD":
      return { ...stage, cmd: JSON.parse(rest) as string[] };
    case "EXPOSE":
    case "LABEL":
    case "STOPSIGNAL":
      return stage;
    default:
      throw new Error(`an instruction that this does not know: ${line}`);
  }
}

function copied(rest: string): Stage["copies"] {
  const words = rest.split(" ");
  const from = /^--from=(.+)$/.exec(words[0] ?? "")?.[1];
  const [target = "", ...sources] = words.slice(from === undefined ? 0 : 1).toReversed();
  return sources.toReversed().map((source) => ({ ...(from && { from }), source, target }));
}
