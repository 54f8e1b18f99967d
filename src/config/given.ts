/**
 * What was given, as text, and where: in the environment, or in the file that it names.
 *
 * An empty value counts as not given: that is how people blank a line. A name nobody
 * knows is wrong: a misspelled limit must not leave its default in force unnoticed. In
 * the environment, which is shared with others, that holds for the names that start as
 * ours do.
 */
import { createRequire } from "node:module";
import { type SettingName, settings } from "../settings.ts";
import { nearest } from "./misspelling.ts";

/** A value as it was written, and where. */
interface Given {
  readonly value: string | readonly string[];
  readonly source: string;
}

export type GivenSettings = Map<string, Given>;
export type ReadFile = (path: string) => string;

/** All that is given; what is wrong with it, one line each, is added to `problems`. */
export function readGiven(env: NodeJS.ProcessEnv, readFile: ReadFile, problems: string[]): GivenSettings {
  const fromEnvironment = givenInEnvironment(env, problems);
  const fromFile = givenInFile(fromEnvironment.get("CONFIG_FILE"), readFile, problems);
  const given = overlay(fromFile, fromEnvironment);
  readPassword(given, readFile, problems);
  for (const name of ["API_KEYS_FILE", "JWT_PUBLIC_KEY_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"] as const) {
    const path = given.get(name)?.value;
    if (path !== undefined) read(name, String(path), readFile, problems); // they are opened later, and missed now
  }
  return given;
}

const ours =
  /^(MT5_|PAPER_|GRPC_|HISTORY_MAX_|RATE_LIMIT_|RISK_|API_KEYS?_FI|TLS_(CERT|KEY|TERM)|JWT_(JWK|PUB|ISS|AUD)|CORS_ORI|TERMINAL_LINK|LIVE_(ACC|SYM)|ENABLE_LIVE|SYMBOL_(PRE|SUF|MAP))/;

/** What others put under the same prefixes: gRPC's own libraries, and Kubernetes for every service it knows. */
const theirs = [
  /^GRPC_((NODE|EXPERIMENTAL|XDS|GO|PYTHON|CLIENT|DNS|ENABLE)_|TRACE$|VERBOSITY$|DEFAULT_SSL_ROOTS_|SSL_|POLL_STRATEGY$)/,
  /_SERVICE_(HOST|PORT(_\w+)?)$/,
  /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/,
];

function givenInEnvironment(env: NodeJS.ProcessEnv, problems: string[]): GivenSettings {
  const given: GivenSettings = new Map();
  for (const [name, value = ""] of Object.entries(env)) {
    if (isSetting(name)) put(given, name, value, "environment");
    else if (ours.test(name) && !theirs.some((pattern) => pattern.test(name)))
      problems.push(unknown(name, "environment"));
  }
  return given;
}

function givenInFile(file: Given | undefined, readFile: ReadFile, problems: string[]): GivenSettings {
  const given: GivenSettings = new Map();
  const path = String(file?.value ?? "");
  const content = path === "" ? "" : read("CONFIG_FILE", path, readFile, problems);
  if (content === undefined || content === "") return given;

  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = createRequire(import.meta.url)(
    "yaml",
  ) as typeof import("yaml");
  // In YAML's failsafe schema every scalar is text, as it is in the environment.
  const lines = new LineCounter();
  const document = parseDocument(content, { schema: "failsafe", lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  for (const { message, pos } of document.errors) problems.push(`${at(pos[0])}: not valid YAML: ${message}`);
  if (document.errors.length > 0 || document.contents === null) return given;
  if (!isMap(document.contents)) {
    if (content.trim() !== "") problems.push(`${path}: must be a list of lines "NAME: value"`);
    return given;
  }
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const source = at(isScalar(key) ? key.range?.[0] : undefined);
    if (!isSetting(name)) problems.push(unknown(name, source));
    else if (name === "CONFIG_FILE") problems.push(`${name} (${source}): can only be set in the environment`);
    else if (value === null || isScalar(value)) put(given, name, String(value?.value ?? ""), source);
    else if (isSeq(value) && value.items.every(isScalar)) {
      put(
        given,
        name,
        value.items.map((item) => String(isScalar(item) ? item.value : "")),
        source,
      );
    } else problems.push(`${name} (${source}): must be ${settings[name].range}`);
  }
  return given;
}

function put(given: GivenSettings, name: SettingName, value: string | readonly string[], source: string): void {
  const trimmed = typeof value === "string" && name !== "MT5_PASSWORD" ? value.trim() : value;
  if (trimmed.length > 0) given.set(name, { value: trimmed, source });
}

/** The environment goes before the file; that a password is given in one hides both ways of giving it in the other. */
function overlay(file: GivenSettings, environment: GivenSettings): GivenSettings {
  const given = new Map([...file, ...environment]);
  const ways = ["MT5_PASSWORD", "MT5_PASSWORD_FILE"];
  if (ways.some((name) => environment.has(name))) {
    for (const name of ways) if (!environment.has(name)) given.delete(name);
  }
  return given;
}

function readPassword(given: GivenSettings, readFile: ReadFile, problems: string[]): void {
  const file = given.get("MT5_PASSWORD_FILE");
  if (file === undefined) return;
  if (given.has("MT5_PASSWORD")) {
    problems.push(`MT5_PASSWORD and MT5_PASSWORD_FILE (${file.source}): set one of the two`);
    return;
  }
  const content = read("MT5_PASSWORD_FILE", String(file.value), readFile, problems);
  if (content === undefined) return;
  const value = content.replace(/\r?\n$/, "");
  if (value === "") problems.push(`MT5_PASSWORD_FILE=${file.value} (${file.source}): is empty`);
  else given.set("MT5_PASSWORD", { value, source: String(file.value) });
}

function read(name: string, path: string, readFile: ReadFile, problems: string[]): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    problems.push(`${name}=${path}: cannot be read (${why})`);
    return undefined;
  }
}

export const isSetting = (name: string): name is SettingName => Object.hasOwn(settings, name);

function unknown(name: string, source: string): string {
  const near = nearest(name, Object.keys(settings));
  return `${name} (${source}): there is no such setting${near === undefined ? "" : `; did you mean ${near}?`}`;
}
