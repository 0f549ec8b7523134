import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

test("what is published works in plain Node, with types for a project that knows nothing of ours", () => {
  const app = mkdtempSync(join(root, "node_modules", ".package-")); // where jose and openapi-fetch are found
  try {
    const run = (command: string, ...args: string[]) => {
      const { output, status } = spawnSync(command, args, { cwd: app, encoding: "utf8" });
      expect(status, output.join("\n")).toBe(0);
      return output[1] ?? "";
    };
    const tsc = join(root, "node_modules/.bin/tsc");
    const at = join(app, "node_modules/@grove/sdk");
    mkdirSync(at, { recursive: true });
    symlinkSync(join(root, "package.json"), join(at, "package.json"));
    run(tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", join(at, "dist"));
    expect(readdirSync(join(at, "dist"))).toEqual(expect.arrayContaining(["index.d.ts", "index.js", "schema.gen.d.ts"]));
    writeFileSync(join(app, "app.mts"), `
      import { Problem, clientCredentials, createGrove } from "@grove/sdk";
      import { ResourceServer, protect } from "@grove/sdk/resource";
      import { requireToken } from "@grove/sdk/resource/node";
      const base = { baseUrl: "https://id.example/t/acme" };
      const grove = createGrove({ ...base, accessToken: clientCredentials({ ...base, clientId: "a", clientSecret: "b" }) });
      const name = async (): Promise<string | undefined> => (await grove.GET("/v1/orgs/{org}", { params: { path: { org: "root" } } })).data?.name;
      const server = new ResourceServer({ issuer: base.baseUrl, resource: "https://api.example" });
      console.log(typeof name, typeof protect(server, {}, (_r, token) => new Response(token.orgId)), typeof requireToken(server), Problem.name);
    `);
    run(tsc, "--module", "nodenext", "--target", "es2022", "--strict", "--skipLibCheck", "--types", "node", "app.mts");
    expect(run(process.execPath, "app.mjs").trim()).toBe("function function function Problem");
  } finally {
    rmSync(app, { force: true, recursive: true });
  }
}, 120_000);
