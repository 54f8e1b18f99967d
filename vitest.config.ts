import { defineConfig } from "vitest/config";

export default defineConfig({
  // More files at a time than the least machine has cores: most wait for processes of their own.
  test: { include: ["test/**/*.test.ts"], maxWorkers: 3, testTimeout: 30_000, hookTimeout: 60_000 },
});
