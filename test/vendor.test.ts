import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** What a definition says: formatting, comments and other languages' file options apart. */
const words = (proto: string) =>
  proto
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|^option .*;$/gm, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{}[\]();=,]) ?/g, "$1");

it.each([
  ["health/v1/health.proto", "grpc-health-check/proto/health/v1/health.proto"],
  ["reflection/v1/reflection.proto", "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto"],
  ["reflection/v1alpha/reflection.proto", "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto"],
])("gRPC's own %s says what its publisher's does", (ours, theirs) => {
  expect(words(read(`proto/vendor/grpc/${ours}`))).toBe(words(read(`node_modules/${theirs}`)));
});
