import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withSettings } from "../scripts/write-settings.ts";
import { ConfigError, readConfig } from "../src/config.ts";
import { envExample, helpText } from "../src/help.ts";
import { settings } from "../src/settings.ts";

type Files = Readonly<Record<string, string>>;

/** Reads from a disk that has these files only. */
const read = (env: NodeJS.ProcessEnv, files: Files = {}) =>
  readConfig(env, (path) => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    return content;
  });

const withFile = (yaml: string, env: NodeJS.ProcessEnv = {}) =>
  read({ CONFIG_FILE: "bridge.yaml", ...env }, { "bridge.yaml": yaml });

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("a configuration", () => {
  it("is complete without anything given", () => {
    const config = read({});
    expect(config.network).toMatchObject({ bindAddress: "127.0.0.1", grpcPort: 50051, bridgePort: 8001 });
    expect(config).toMatchObject({ terminal: "paper", environment: "development", logLevel: "info" });
    expect(config.paper.symbols).toHaveLength(8);
    expect(config.paper).toMatchObject({ balance: 10_000, leverage: 100, speed: 1, strict: false, replay: [] });
    expect(config.live).toMatchObject({ accounts: [], realAllowed: false, symbols: [] });
  });

  it("has threads of the edge where threads can share ports, and says where not", () => {
    const on = (platform: NodeJS.Platform) => readConfig({ EDGE_WORKERS: "2" }, () => "", platform);
    expect(on("linux").edgeWorkers).toBe(2);
    expect(problemsOf(() => on("darwin"))).toEqual([
      "EDGE_WORKERS=2: threads can share the bridge's ports on Linux only, and this is darwin; use EDGE_WORKERS=0",
    ]);
  });

  it("is taken from the environment before the file, and from the file before the defaults", () => {
    const yaml = "GRPC_PORT: 50060\nPAPER_SEED: 7\n";
    const config = withFile(yaml, { GRPC_PORT: "50070" });
    expect([config.network.grpcPort, config.paper.seed, config.paper.leverage]).toEqual([50_070, 7, 100]);
  });

  it("limits an account and its strategies as far as it says, and no further", () => {
    expect(read({}).risk).toEqual({ account: {}, strategies: new Map() });
    const given = { RISK_MAX_VOLUME: "0.5", RISK_TRADING_HOURS: "Mon-Fri 07:00-20:00,Sun 22:00-24:00" };
    const yaml =
      "RISK_STRATEGIES:\n  - 7 max_volume 0.1\n  - 7 allowed_symbols EURUSD; XAUUSD\n  - 8 max_open_orders 3\n";
    expect(withFile(yaml, given).risk).toEqual({
      account: { maxVolume: 0.5, tradingHours: ["Mon-Fri 07:00-20:00", "Sun 22:00-24:00"] },
      strategies: new Map([
        [7, { maxVolume: 0.1, allowedSymbols: ["EURUSD", "XAUUSD"] }],
        [8, { maxOpenOrders: 3 }],
      ]),
    });
    for (const [strategies, expected] of [
      ["7 max_volume 0", "a number from 0.000001"],
      ["7 max_volum 1", "one of max_volume, max_position"],
      ["x max_volume 1", "must be like"],
      ["7 max_volume 1, 7 max_volume 2", "it once"],
    ] as const) {
      expect(problemsOf(() => read({ RISK_STRATEGIES: strategies })).join(), strategies).toContain(expected);
    }
  });

  it("cannot be changed once read", () => {
    const config = read({ PAPER_REPLAY: "a.csv" });
    for (const part of [config, config.network, config.paper, config.paper.symbols, config.paper.replay, config.live]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("takes an empty value for none", () => {
    expect(read({ GRPC_PORT: "", MT5_PASSWORD: "", CONFIG_FILE: "" }).network.grpcPort).toBe(50_051);
    expect(withFile("GRPC_PORT:\n").network.grpcPort).toBe(50_051);
    expect(withFile("").network.grpcPort).toBe(50_051);
    expect(withFile("# nothing yet\n").network.grpcPort).toBe(50_051);
  });

  it("takes lists with commas, and from the file as lists", () => {
    expect(read({ PAPER_SYMBOLS: "EURUSD, XAUUSD" }).paper.symbols).toEqual(["EURUSD", "XAUUSD"]);
    expect(withFile("PAPER_REPLAY:\n  - a,b.csv\n  - c.csv\n").paper.replay).toEqual(["a,b.csv", "c.csv"]);
    expect(withFile("PAPER_REPLAY: a.csv,c.csv\n").paper.replay).toEqual(["a.csv", "c.csv"]);
  });

  it("keeps what the file says as it is written", () => {
    const login = "MT5_LOGIN: 18446744073709551615\nMT5_SERVER: 007\n";
    const { live } = withFile(`${login}MT5_PASSWORD: 0123\nPAPER_STRICT: true\n`);
    expect([live.accounts[0]?.login, live.accounts[0]?.server]).toEqual([18_446_744_073_709_551_615n, "007"]);
    expect(live.password).toBe("0123");
  });

  it("names live accounts, and what their brokers call the symbols", () => {
    const accounts = "main=5012345@Broker-Demo, big.1=7@Some Broker Ltd-Live 2";
    const { live } = read({ LIVE_ACCOUNTS: accounts, SYMBOL_SUFFIX: ".m", SYMBOL_MAP: "US500=SPX500,GOLD=XAUUSD" });
    expect(live.accounts).toEqual([
      { alias: "main", login: 5_012_345n, server: "Broker-Demo" },
      { alias: "big.1", login: 7n, server: "Some Broker Ltd-Live 2" },
    ]);
    expect(live.names).toEqual({
      ...{ prefix: "", suffix: ".m" },
      table: new Map([
        ["US500", "SPX500"],
        ["GOLD", "XAUUSD"],
      ]),
    });
    expect(read({ MT5_LOGIN: "5", MT5_SERVER: "Demo" }).live.accounts).toEqual([
      { alias: "5", login: 5n, server: "Demo" },
    ]);
  });

  it("replays at a factor or at max", () => {
    expect(read({ PAPER_SPEED: "max" }).paper.speed).toBe("max");
    expect(read({ PAPER_SPEED: "0.5" }).paper.speed).toBe(0.5);
  });
});

describe("a configuration is refused", () => {
  it("with all that is wrong at once: name, value, source, what is valid, unit", () => {
    const problems = problemsOf(() =>
      withFile("PAPER_LEVERAGE: 0\nDRAIN_TIMEOUT: soon\n", { GRPC_PORT: "70000", LOG_LEVEL: "loud" }),
    );
    expect(problems).toEqual([
      "GRPC_PORT=70000 (environment): must be a whole number from 0 to 65535",
      "LOG_LEVEL=loud (environment): must be debug or info or warn or error",
      "DRAIN_TIMEOUT=soon (bridge.yaml:2): must be a whole number from 0 to 600000 (ms)",
      "PAPER_LEVERAGE=0 (bridge.yaml:1): must be a whole number from 1 to 10000",
    ]);
  });

  it.each([
    ["GRPC_PORT", ["-1", "65536", "1.5", "abc", "0x10", "1e3", "５"]],
    ["PAPER_RATE", ["0", "100001", "fast", "NaN", "Infinity"]],
    ["PAPER_SPEED", ["0", "Max", "1000001", "-1"]],
    ["PAPER_STRICT", ["yes", "1", "TRUE"]],
    ["PAPER_SYMBOLS", ["EURUSD,,XAUUSD", "EURUSD,", "EUR USD", "EURUSD,EURUSD"]],
    [
      "LIVE_ACCOUNTS",
      ["5@Demo", "a=5", "a=x@Demo", "a=0@Demo", "../a=5@Demo", "..=5@Demo", "a=5@Demo,A=6@Demo", "a=5@Demo,b=5@Demo"],
    ],
    ["SYMBOL_MAP", ["EURUSD", "EURUSD=", "A=B=C", "A=B,A=C", "A=C,B=C"]],
    ["SYMBOL_SUFFIX", ["a b", "12345678901234567"]],
    ["ENABLE_LIVE_TRADING", ["yes"]],
    ["PAPER_CURRENCY", ["usd", "U", "DOLLARSINALL"]],
    ["PAPER_TIME_ZONE", ["Mars/Olympus", "+99:00"]],
    ["PAPER_MARGIN_MODE", ["exchange"]],
    ["PAPER_START", ["later"]],
    ["PAPER_GAPS", ["A"]],
    ["BIND_ADDRESS", ["bridge.example.com", "999.0.0.1"]],
    ["MT5_LOGIN", ["0", "-5", "18446744073709551616", "me"]],
    ["HISTORY_MAX_BYTES", ["1024", "1GiB"]],
    ["ENVIRONMENT", ["prod"]],
    ["JWT_JWKS_URL", ["http://issuer.example.com/jwks", "jwks.json", "file:///jwks", "http://127.0.0.1.example.com/"]],
    ["CORS_ORIGINS", ["*", "null", "https://a.example/", "https://A.example", "a.example", "https://a.example/app"]],
    ["RATE_LIMIT_REQUESTS", ["0", "-1", "many"]],
    ["TLS_TERMINATED_UPSTREAM", ["yes"]],
  ])("with %s out of its range", (name, values) => {
    for (const value of values) {
      const [problem, ...others] = problemsOf(() => read({ [name]: value }));
      expect(problem).toContain(`${name}=${value} (environment): must `);
      expect(others).toEqual([]);
    }
  });

  it("without ever showing a secret", () => {
    const secrets = { REDIS_URL: "http://user:hush@host", MT5_PASSWORD: "hush".repeat(100), JWT_SECRET: "hush" };
    const problems = problemsOf(() => read(secrets));
    expect(problems).toHaveLength(3);
    expect(problems.join()).toContain("REDIS_URL (environment): must be a URL");
    expect(problems.join()).not.toContain("hush");
  });

  it("with a name that nobody knows, and the one that was meant", () => {
    expect(problemsOf(() => withFile("PAPER_LEVRAGE: 5\nzzz: 1\n"))).toEqual([
      "PAPER_LEVRAGE (bridge.yaml:1): there is no such setting; did you mean PAPER_LEVERAGE?",
      "zzz (bridge.yaml:2): there is no such setting",
    ]);
    expect(
      problemsOf(() => read({ PAPER_SPEDE: "2", GRPC_PROT: "1", MT5_BRIGDE_PORT: "2", API_KEY_FILE: "a" })),
    ).toEqual([
      "PAPER_SPEDE (environment): there is no such setting; did you mean PAPER_SPEED?",
      "GRPC_PROT (environment): there is no such setting; did you mean GRPC_PORT?",
      "MT5_BRIGDE_PORT (environment): there is no such setting; did you mean MT5_BRIDGE_PORT?",
      "API_KEY_FILE (environment): there is no such setting; did you mean API_KEYS_FILE?",
    ]);
    expect(problemsOf(() => withFile("paper_seed: 3\n"))[0]).toContain("did you mean PAPER_SEED?");
  });

  it("but not for what others keep in the environment", () => {
    const others = { HOME: "/", GRPC_TRACE: "all", GRPC_VERBOSITY: "DEBUG", GRPC_NODE_TRACE: "x", PORT: "1" };
    const kubernetes = { MT5_BRIDGE_SERVICE_HOST: "10.0.0.1", MT5_BRIDGE_SERVICE_PORT_GRPC: "50051" };
    expect(() => read({ ...others, ...kubernetes, MT5_BRIDGE_PORT_50051_TCP_ADDR: "10.0.0.1" })).not.toThrow();
  });

  it("with a hint when Kubernetes took the name for a service", () => {
    const [problem] = problemsOf(() => read({ MT5_BRIDGE_PORT: "tcp://10.0.0.1:50051" }));
    expect(problem).toContain("turn enableServiceLinks off");
  });

  it("where two protections exclude each other, or one is half there", () => {
    const files = { pem: "x" };
    const shared = "s".repeat(32);
    const both = { JWT_SECRET: shared, JWT_PUBLIC_KEY_FILE: "pem" };
    expect(problemsOf(() => read(both, files))).toEqual([
      expect.stringContaining("JWT_PUBLIC_KEY_FILE and JWT_SECRET: set one of them"),
    ]);
    for (const environment of ["staging", "production"]) {
      const [problem] = problemsOf(() => read({ JWT_SECRET: shared, ENVIRONMENT: environment }));
      expect(problem).toContain("JWT_SECRET: is for ENVIRONMENT=development");
      expect(problem).not.toContain(shared);
    }
    expect(problemsOf(() => read({ JWT_ISSUER: "me" }))[0]).toContain("means nothing without JWT_JWKS_URL");
    expect(problemsOf(() => read({ TLS_CERT_FILE: "pem" }, files))).toEqual([
      "TLS_CERT_FILE: needs TLS_KEY_FILE with it",
    ]);
    expect(problemsOf(() => read({ TLS_KEY_FILE: "pem" }, files))).toEqual([
      "TLS_KEY_FILE: needs TLS_CERT_FILE with it",
    ]);
    expect(problemsOf(() => read({ API_KEYS_FILE: "gone" }))).toEqual(["API_KEYS_FILE=gone: cannot be read (ENOENT)"]);
  });

  it("where what it says of live terminals does not fit together", () => {
    const live = (more: Readonly<Record<string, string>>) => problemsOf(() => read({ TERMINAL: "live", ...more }));
    expect(live({ EDGE_WORKERS: "2" })).toEqual([expect.stringContaining("use 0 with TERMINAL=live")]);
    expect(live({ MT5_LOGIN: "5" })).toEqual([expect.stringContaining("MT5_LOGIN: needs MT5_SERVER")]);
    expect(live({ MT5_SERVER: "Demo" })).toEqual([expect.stringContaining("MT5_SERVER: needs MT5_LOGIN")]);
    const both = { MT5_LOGIN: "5", MT5_SERVER: "Demo", LIVE_ACCOUNTS: "a=6@Demo" };
    expect(live(both)).toEqual(["MT5_LOGIN and LIVE_ACCOUNTS: set one of the two"]);
    expect(live({ TERMINAL_LINK_PORT: "9001" })[0]).toContain(
      "METRICS_PORT=9001: must not be the same port as TERMINAL_LINK",
    );
    expect(() => read({ GRPC_PORT: "50052" })).not.toThrow(); // where no terminal dials in the port is not open
  });

  it("where two ports are one, but not where both are any free one", () => {
    expect(problemsOf(() => read({ GRPC_PORT: "9001" }))[0]).toContain("the same port as METRICS_PORT");
    expect(() => read({ GRPC_PORT: "0", MT5_BRIDGE_PORT: "0", METRICS_PORT: "0" })).not.toThrow();
  });

  it("where positions would be closed before the margin call", () => {
    expect(problemsOf(() => read({ PAPER_STOP_OUT: "80" }))[0]).toContain("must not be above PAPER_MARGIN_CALL");
  });

  it("where the file is missing, no YAML, no map, or speaks of another file", () => {
    expect(problemsOf(() => read({ CONFIG_FILE: "gone.yaml" }))).toEqual([
      "CONFIG_FILE=gone.yaml: cannot be read (ENOENT)",
    ]);
    expect(problemsOf(() => withFile('GRPC_PORT: 1\nLOG_LEVEL: "info\n'))[0]).toMatch(
      /^bridge.yaml:\d: not valid YAML/,
    );
    expect(problemsOf(() => withFile("GRPC_PORT: 1\nGRPC_PORT: 2\n"))[0]).toContain("not valid YAML");
    expect(problemsOf(() => withFile("- GRPC_PORT\n"))[0]).toContain('must be a list of lines "NAME: value"');
    expect(problemsOf(() => withFile("just words\n"))[0]).toContain('must be a list of lines "NAME: value"');
    expect(problemsOf(() => withFile("CONFIG_FILE: other.yaml\n"))[0]).toContain("only be set in the environment");
    expect(problemsOf(() => withFile("GRPC_PORT:\n  number: 1\n"))[0]).toContain("GRPC_PORT (bridge.yaml:1): must be");
    expect(problemsOf(() => withFile("GRPC_PORT: [1, 2]\n"))[0]).toContain("GRPC_PORT=1,2 (bridge.yaml:1): must be");
  });
});

describe("a bridge that others can reach", () => {
  const files = { keys: "{}", cert: "x", key: "x", pem: "x" };
  const tls = { TLS_CERT_FILE: "cert", TLS_KEY_FILE: "key" };
  const elsewhere = ["0.0.0.0", "::", "192.168.1.2", "2001:db8::1"];

  it.each(elsewhere)("on %s needs keys and TLS, and is told both at once", (address) => {
    expect(problemsOf(() => read({ BIND_ADDRESS: address }))).toEqual([
      expect.stringMatching(/no authentication.*set API_KEYS_FILE/),
      expect.stringMatching(/needs TLS.*TLS_TERMINATED_UPSTREAM=true/),
    ]);
    expect(problemsOf(() => read({ BIND_ADDRESS: address, ...tls }, files))).toHaveLength(1);
    expect(problemsOf(() => read({ BIND_ADDRESS: address, API_KEYS_FILE: "keys" }, files))).toHaveLength(1);
  });

  it.each([
    { API_KEYS_FILE: "keys", ...tls },
    { JWT_PUBLIC_KEY_FILE: "pem", ...tls },
    { API_KEYS_FILE: "keys", TLS_TERMINATED_UPSTREAM: "true" },
    { JWT_JWKS_URL: "https://issuer.example.com/jwks", TLS_TERMINATED_UPSTREAM: "true" },
  ])("starts with %j", (env) => {
    for (const address of elsewhere) {
      expect(read({ BIND_ADDRESS: address, ...env }, files).network.bindAddress).toBe(address);
    }
  });

  it("is not one that listens on loopback: that needs neither", () => {
    for (const address of ["127.0.0.1", "127.8.9.10", "::1", "0:0:0:0:0:0:0:1", "localhost"]) {
      const { network, access } = read({ BIND_ADDRESS: address });
      expect(network).toMatchObject({ bindAddress: address, origins: [] });
      expect(access).toMatchObject({ keysFile: undefined, tokens: undefined, certificate: undefined });
    }
  });

  it("knows its files, tokens, origins and rates", () => {
    const tokens = { JWT_PUBLIC_KEY_FILE: "pem", JWT_ISSUER: "https://issuer.example.com/" };
    const more = { CORS_ORIGINS: "https://a.example,http://[::1]:5173", RATE_LIMIT_ORDERS: "20" };
    const { network, access } = read({ API_KEYS_FILE: "keys", ...tls, ...tokens, ...more }, files);
    expect(network.origins).toEqual(["https://a.example", "http://[::1]:5173"]);
    expect(access).toEqual({
      keysFile: "keys",
      tokens: { publicKeyFile: "pem", issuer: "https://issuer.example.com/", audience: "mt5-bridge" },
      certificate: { certFile: "cert", keyFile: "key" },
      rates: { orders: 20 },
    });
  });
});

describe("the password", () => {
  it("comes from a file, without the line's end", () => {
    expect(read({ MT5_PASSWORD_FILE: "/run/pw" }, { "/run/pw": " s3cret \n" }).live.password).toBe(" s3cret ");
  });

  it("comes from one place only", () => {
    const both = { MT5_PASSWORD: "a", MT5_PASSWORD_FILE: "/run/pw" };
    expect(problemsOf(() => read(both, { "/run/pw": "b" }))[0]).toContain("set one of the two");
  });

  it("given in the environment hides the file's, whichever way it is given", () => {
    expect(withFile("MT5_PASSWORD_FILE: gone\n", { MT5_PASSWORD: "a" }).live.password).toBe("a");
  });

  it("is refused when its file is absent or empty", () => {
    expect(problemsOf(() => read({ MT5_PASSWORD_FILE: "gone" }))[0]).toContain("cannot be read (ENOENT)");
    expect(problemsOf(() => read({ MT5_PASSWORD_FILE: "pw" }, { pw: "\n" }))[0]).toContain("is empty");
  });
});

describe("the table of settings", () => {
  const file = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

  it("accepts every default it names, as if it had been given", () => {
    const env = Object.entries(settings).map(([name, row]) => [name, "default" in row ? row.default : undefined]);
    expect(read(Object.fromEntries(env))).toEqual(read({}));
  });

  it("names every setting in --help", () => {
    for (const name of Object.keys(settings)) expect(helpText()).toContain(`  ${name}`);
    expect(
      Math.max(
        ...helpText()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(100);
  });

  it("is the README's and .env.example's: `npm run docs` would change nothing", () => {
    expect(withSettings(file("README.md"))).toBe(file("README.md"));
    expect(envExample()).toBe(file(".env.example"));
  });

  it("makes an .env.example that says what the defaults say", () => {
    const lines = envExample()
      .split("\n")
      .filter((line) => /^#[A-Z]/.test(line));
    const env = lines.map((line) => line.slice(1).split(/=(.*)/s).slice(0, 2));
    expect(env).toHaveLength(Object.keys(settings).length);
    expect(read(Object.fromEntries(env))).toEqual(read({}));
  });
});
