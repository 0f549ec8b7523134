// Stands in for npm install in a quickstart's folder: takes each package from docs/quickstarts, where a lock file says which, and fails
// when the page names another version than the one that is tested.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/** @param {string} from @param {string} to */
function link(from, to) {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
}

const { dependencies = {}, devDependencies = {} } = json("package.json");
const wanted = { ...dependencies, ...devDependencies };
const modules = join(import.meta.dirname, "../../../docs/quickstarts", "@angular/core" in wanted ? "angular" : "", "node_modules");
for (const [name, version] of Object.entries(wanted)) {
  const { bin = {}, version: tested } = json(join(modules, name, "package.json"));
  if (tested !== version) throw new Error(`the page wants ${name} ${version}, and what is tested is ${tested}`);
  link(join(modules, name), join("node_modules", name));
  const tools = typeof bin === "string" ? { [name.replace(/.*\//, "")]: bin } : bin;
  for (const [tool, path] of Object.entries(tools)) link(join(modules, name, path), join("node_modules/.bin", tool));
}
