// Stands in for npm install in a quickstart's folder: takes each package from docs/quickstarts, where a lock file says which, and fails
// when the page names another version than the one that is tested.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const { dependencies = {}, devDependencies = {} } = json("package.json");
for (const [name, wanted] of Object.entries({ ...dependencies, ...devDependencies })) {
  const from = join(import.meta.dirname, "../../../docs/quickstarts/node_modules", name);
  const { version } = json(join(from, "package.json"));
  if (version !== wanted) throw new Error(`the page wants ${name} ${wanted}, and what is tested is ${version}`);
  const to = join("node_modules", name);
  if (existsSync(to)) continue;
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
}
mkdirSync("node_modules/.bin", { recursive: true });
for (const tool of ["ng", "next", "sirv", "tsc", "vite"]) {
  const from = join(import.meta.dirname, "../../../docs/quickstarts/node_modules/.bin", tool);
  if (existsSync(from) && !existsSync(`node_modules/.bin/${tool}`)) symlinkSync(from, `node_modules/.bin/${tool}`);
}
