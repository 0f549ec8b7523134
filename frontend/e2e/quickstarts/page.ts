/** What a page has its reader do, in order. */
export type Step = { at: number } & (
  | { kind: "chapter"; title: string }
  | { kind: "file"; path: string; text: string }
  | { expected: string[]; kind: "run"; script: string }
  | { kind: "start"; script: string; url: string }
);

const starts = /^<!-- start: (\S+) -->$/;
const file = /^```[a-z]+ (\S+)$/;

/**
 * Reads the steps out of a page. A ```sh block is typed into the terminal, or started there if a marker says at which address it answers
 * then; a ```text block is what the command before it prints. A block with a path is the whole of that file.
 */
export function parse(markdown: string): Step[] {
  const steps: Step[] = [];
  const lines = markdown.split("\n");
  let url: string | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    url = starts.exec(line)?.[1] ?? url;
    if (line.startsWith("## ")) steps.push({ at: i + 1, kind: "chapter", title: line.slice(3) });
    if (!line.startsWith("```")) continue;
    const at = i + 1;
    while (++i < lines.length && lines[i] !== "```");
    const text = lines.slice(at, i).join("\n");
    const path = file.exec(line)?.[1];
    const before = steps.at(-1);
    if (path) steps.push({ at, kind: "file", path, text: `${text}\n` });
    else if (line === "```sh" && url) steps.push({ at, kind: "start", script: text, url });
    else if (line === "```sh") steps.push({ at, expected: [], kind: "run", script: text });
    else if (line === "```text" && before?.kind === "run") before.expected = text.split("\n").filter((l) => l.trim());
    else throw new Error(`line ${at}: a block is a file, sh, or the text that the command before it prints`);
    url = undefined;
  }
  return steps;
}
