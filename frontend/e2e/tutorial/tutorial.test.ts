import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frontend } from "../launch.js";
import { clicks } from "./clicks.ts";
import { type Step, broken, differs, parse } from "./page.ts";
import { World } from "./world.ts";

const steps = parse(readFileSync(resolve(frontend, "../docs/tutorial.md"), "utf8"));

let world: World;
let failed = false;

beforeAll(async () => {
  world = await World.make();
});

afterAll(() => world?.stop());

test("every click of the page is known, and none that the page does not have", () => {
  expect(steps.filter((s) => s.kind === "browser").map((s) => s.name).sort()).toEqual(Object.keys(clicks).sort());
});

/** What the reader copied from a window, for the next block that asks. */
const typed: string[] = [];

describe("the page, from top to bottom", () => {
  for (const step of steps) {
    test(`${step.kind}: ${step.name}`, async ({ skip }) => {
      skip(failed, "a step before this one has failed");
      failed = true;
      const result = await follow(step);
      const missing = (step.kind === "test" ? differs : broken)(step.expected.map((l) => world.here(l)), result);
      if (missing !== undefined) expect.unreachable(`the page promises ${JSON.stringify(missing)}; there is:\n${result}`);
      failed = false;
    });
  }
});

/** Does what a step says and returns what there is to see. */
async function follow({ kind, name, script }: Step): Promise<string> {
  if (kind === "start") return world.start(script);
  if (kind === "test") {
    const { output, status } = await world.shell.run(world.here(script), typed.splice(0));
    expect(status, output).toBe(0);
    return output;
  }
  try {
    const { see = "", type = [] } = (await clicks[name]?.(world)) ?? {};
    typed.push(...type);
    expect(world.faults()).toEqual([]);
    return see;
  } catch (error) {
    throw new Error(`${String(error)}\n\n${await world.scene()}`, { cause: error });
  }
}
