import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vitest/config";

const root = import.meta.dirname;

/** Adds the API reference's script, and leaves a compressed copy beside each asset, which the Go handler serves to browsers that accept it. */
function compressed(): Plugin {
  return {
    name: "grove-compressed",
    apply: "build",
    closeBundle() {
      const assets = resolve(root, "dist/assets");
      copyFileSync(resolve(root, "node_modules/@scalar/api-reference/dist/browser/standalone.js"), resolve(assets, "scalar.js"));
      for (const name of readdirSync(assets).filter((n) => /\.(css|js|svg)$/.test(n))) {
        const path = resolve(assets, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root,
  base: "/_app/",
  // embed.go puts a fresh nonce in place of this word on every request.
  html: { cspNonce: "__GROVE_NONCE__" },
  plugins: [react(), compressed()],
  server: { fs: { allow: [resolve(root, "..")] } }, // the client is the SDK's
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    target: "es2023",
    rolldownOptions: { input: { account: resolve(root, "account/index.html"), console: resolve(root, "console/index.html") } },
  },
  test: { environment: "jsdom", include: ["api/**/*.test.ts", "console/**/*.test.{ts,tsx}", "ui/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
});
