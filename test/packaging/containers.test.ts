import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import { missing, pathOf } from "./programs.ts";

const root = new URL("../../", import.meta.url).pathname;
const read = (path: string) => readFileSync(root + path, "utf8");
const scratch = mkdtempSync(join(tmpdir(), "containers-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function check(program: "hadolint" | "cmd", name: string, text: string): { ok: boolean; said: string } {
  const path = join(scratch, name);
  writeFileSync(path, text);
  const { status, stdout, stderr } = spawnSync(pathOf(program), [path], { encoding: "utf8", cwd: scratch });
  return { ok: status === 0, said: stdout + stderr };
}

describe("the Dockerfile", () => {
  it.skipIf(missing("hadolint"))("has nothing that hadolint objects to", () => {
    expect(check("hadolint", "Dockerfile", read("Dockerfile"))).toEqual({ ok: true, said: "" });
    const worse = read("Dockerfile").replace("USER 1000:1000\nENV NODE_ENV", "USER root\nENV NODE_ENV");
    expect(check("hadolint", "Worse", worse).ok).toBe(false);
  });

  it("runs the very Node that everything else runs on", () => {
    const images = [...read("Dockerfile").matchAll(/^FROM node:(\S+?)-/gm)].map(([, version]) => version);
    expect(new Set(images)).toEqual(new Set([pkg.devDependencies.node]));
  });

  it("starts the bridge as `npm start` does", () => {
    const started = /CMD \[([^\]]*dist[^\]]*)\]/.exec(read("Dockerfile"))?.[1]?.replace(/[",]/g, "") ?? "";
    expect(pkg.scripts.start.replace(/exec | --env-file-if-exists=\S+/g, "")).toBe(started);
  });

  it("copies nothing that .dockerignore leaves outside", () => {
    const inside = new Set([...read(".dockerignore").matchAll(/^!(.+)$/gm)].map(([, path]) => path));
    const copied = [...read("Dockerfile").matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(
      ([, paths]) => paths?.split(" ") ?? [],
    );
    const named = copied.filter((path) => path !== ".");
    expect(named.length).toBeGreaterThan(3);
    for (const path of named) expect(inside.has(path) || inside.has(path.split("/")[0])).toBe(true);
  });

  it("keeps data, keys and passwords out of the image", () => {
    const rules = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules[0]).toBe("*");
    for (const secret of ["**/.env", "**/data", "**/*.pem", "**/*.key"]) expect(rules).toContain(secret);
  });
});

describe("compose.yaml", () => {
  it.skipIf(missing("cmd"))("is understood by Compose", () => {
    expect(check("cmd", "compose.yaml", read("compose.yaml"))).toMatchObject({ ok: true });
    expect(check("cmd", "worse.yaml", read("compose.yaml").replace("read_only:", "readonly:"))).toMatchObject({
      ok: false,
    });
  });

  it("gives a stop the time that the bridge takes for it, and opens ports on loopback only", () => {
    const compose = read("compose.yaml");
    const drain = Number(/DRAIN_TIMEOUT: "(\d+)"/.exec(compose)?.[1]);
    const grace = Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1]);
    expect(grace * 1000).toBeGreaterThan(2 * drain);
    const ports = [...compose.matchAll(/^ +- "([\d.:]+)"$/gm)].map(([, port]) => port);
    expect(ports.length).toBe(6);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});
