import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { readConfig } from "../../src/config.ts";
import { missing, pathOf } from "./programs.ts";

const k8s = new URL("../../k8s/base", import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), "k8s-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly targetPort: string }[];
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> }; readonly spec: Pod };
  };
}
interface Pod {
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value: string }[];
    readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
    readonly ports: readonly { readonly name: string }[];
  }[];
}

/** What Kubernetes' own schemas say of these resources; unknown fields are errors. */
function validate(text: string): { readonly ok: boolean; readonly said: string } {
  const path = join(scratch, "resources.yaml");
  writeFileSync(path, text);
  const { status, stdout, stderr } = spawnSync(pathOf("kubernetes-validate"), ["--strict", path], { encoding: "utf8" });
  return { ok: status === 0, said: stdout + stderr };
}

describe.skipIf(missing("kustomize", "kubernetes-validate"))("the Kubernetes base", () => {
  const rendered = missing("kustomize") ? "" : execFileSync(pathOf("kustomize"), ["build", k8s], { encoding: "utf8" });
  const resources = parseAllDocuments(rendered).map((document) => document.toJS() as Resource);
  const one = (kind: string) => resources.find((resource) => resource.kind === kind) as Resource;
  const pod = () => one("StatefulSet").spec.template.spec;
  const settings = () => ({
    ...one("ConfigMap").data,
    ...Object.fromEntries((pod().containers[0]?.env ?? []).map(({ name, value }) => [name, value])),
  });

  it("renders, and Kubernetes' schemas have nothing against it", () => {
    expect(resources.map(({ kind }) => kind)).toEqual([
      "ConfigMap",
      "Service", // for strategies
      "Service", // for terminals
      "Service", // the pod's own
      "StatefulSet",
      "PodDisruptionBudget",
    ]);
    expect(validate(rendered)).toMatchObject({ ok: true });
  });

  it("would not pass with a misspelled field or a wrong type", () => {
    expect(validate(rendered.replace("enableServiceLinks", "enableServiceLink"))).toMatchObject({ ok: false });
    expect(validate(rendered.replace("replicas: 1", "replicas: one"))).toMatchObject({ ok: false });
  });

  it("has settings that the bridge takes", () => {
    const readKeys = () => "[]";
    const config = readConfig({ ...settings(), BIND_ADDRESS: "0.0.0.0", DATA_DIR: "/data" }, readKeys);
    expect(config.limits.drainTimeoutMs).toBe(20_000);
  });

  it("gives a stop the time that the bridge takes for it", () => {
    const drain = Number(settings()["DRAIN_TIMEOUT"]);
    // Calls in flight, then orders in flight, each at most so long; then the journal is closed.
    expect(pod().terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(2 * drain + 10_000);
  });

  it("runs one writer of the journal", () => expect(one("StatefulSet").spec.replicas).toBe(1));

  it("keeps Kubernetes' variables out of the settings", () => expect(pod().enableServiceLinks).toBe(false));

  it("connects services to the pod, by labels and ports that it has", () => {
    const { labels } = one("StatefulSet").spec.template.metadata;
    const ports = pod().containers[0]?.ports.map(({ name }) => name) ?? [];
    for (const { spec } of resources.filter(({ kind }) => kind === "Service")) {
      expect(Object.keys(spec.selector).length).toBeGreaterThan(0);
      expect(labels).toMatchObject(spec.selector);
      expect(ports).toEqual(expect.arrayContaining(spec.ports.map(({ targetPort }) => targetPort)));
    }
    expect(pod().containers[0]?.envFrom[0]?.configMapRef.name).toBe(one("ConfigMap").metadata.name);
  });

  it("asks for what the restricted pod security standard asks for", () => {
    expect(pod()).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          startupProbe: { tcpSocket: { port: "grpc" } }, // also while it waits for a live terminal
          readinessProbe: { grpc: { port: 50051 } },
        },
      ],
    });
  });
});
