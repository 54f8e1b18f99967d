import { defineConfig } from "vitest/config";

export default defineConfig({
  // Two files at a time: most wait for processes of their own, and two cores are what the least machine has.
  test: { include: ["test/**/*.test.ts"], maxWorkers: 2, testTimeout: 30_000, hookTimeout: 60_000 },
});
