/** One thing that a reader of the tutorial does, and what the page promises of it. */
export interface Step {
  /** What must show, line by line; an ellipsis stands for anything. It is all that a block of commands prints. */
  expected: string[];
  kind: "browser" | "start" | "test";
  name: string;
  /** The commands of a test or start step; "" of a browser step. */
  script: string;
}

const marker = /^<!-- (browser|start|test): ([a-z0-9-]+) -->$/;

/**
 * Reads the steps out of the page. A marker stands before the block or the paragraph that it names. Every ```sh block needs one, and
 * every ```text block belongs to the step before it.
 */
export function parse(markdown: string): Step[] {
  const steps: Step[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const found = marker.exec(line);
    if (found) {
      const [, kind, name] = found as unknown as [string, Step["kind"], string];
      if (steps.some((s) => s.kind === kind && s.name === name)) throw new Error(`line ${i + 1}: ${kind} ${name} is there twice`);
      steps.push({ expected: [], kind, name, script: "" });
      continue;
    }
    if (!line.startsWith("```")) continue;
    const from = i + 1;
    while (++i < lines.length && lines[i] !== "```");
    const block = lines.slice(from, i);
    const step = steps.at(-1);
    switch (line) {
      case "```sh":
        if (!step || step.kind === "browser" || step.script || step.expected.length) throw new Error(`line ${from}: no marker says what runs this block`);
        step.script = block.join("\n");
        break;
      case "```text":
        if (!step || step.expected.length) throw new Error(`line ${from}: these results belong to no step`);
        step.expected = block.filter((l) => l.trim());
        break;
      default:
        throw new Error(`line ${from}: a block is sh or text`);
    }
  }
  for (const s of steps) if (s.kind !== "browser" && !s.script) throw new Error(`${s.kind} ${s.name} has no block`);
  return steps;
}

const flat = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/** Returns the first promise that a result does not keep, or undefined. */
export function broken(expected: string[], result: string): string | undefined {
  const text = flat(result);
  let at = 0;
  for (const line of expected) {
    for (const part of line.split("…").map(flat).filter(Boolean)) {
      const found = text.indexOf(part, at);
      if (found < 0) return part;
      at = found + part.length;
    }
  }
  return undefined;
}

/** Returns what is promised of a block of commands, if it does not print just that, or undefined. Nothing promised is anything. */
export function differs(expected: string[], output: string): string | undefined {
  const promised = expected.map((line) => line.split("…").map((part) => flat(part).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*"));
  return expected.length === 0 || new RegExp(`^${promised.join("\\s*")}$`).test(flat(output)) ? undefined : expected.join("\n");
}
