import { defineConfig } from "vitest/config";

// A step that hangs ends by the half minute that Playwright, and expect.poll, wait for one thing. A test has as long as its steps need on
// a busy machine.
export default defineConfig({
  test: { expect: { poll: { interval: 100, timeout: 30_000 } }, fileParallelism: false, hookTimeout: 300_000, include: ["e2e/**/*.test.ts"], testTimeout: 600_000 },
});
