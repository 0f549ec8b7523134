import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

/** One bash session, as in the reader's terminal: variables, functions and background jobs last from block to block. */
export class Shell {
  readonly #bash: ChildProcessWithoutNullStreams;
  #out = "";
  #heard = () => {};

  constructor(cwd: string, env = process.env) {
    this.#bash = spawn("bash", ["--noprofile", "--norc"], { cwd, env });
    const keep = (chunk: Buffer) => {
      this.#out += String(chunk);
      this.#heard();
    };
    this.#bash.stdout.on("data", keep);
    this.#bash.stderr.on("data", keep);
    this.#bash.once("exit", () => this.#heard());
  }

  /**
   * Runs a block and returns what it prints and its exit status. The input is what the reader types while it runs; the block is read
   * whole before it, so that `read` finds the input.
   */
  async run(script: string, input: string[] = []): Promise<{ output: string; status: number }> {
    const end = `end-${randomUUID()}`;
    const from = this.#out.length;
    const word = `script_${end.replaceAll("-", "_")}`;
    this.#bash.stdin.write(`IFS= read -r -d '' ${word} <<'${end}'\n${script}\n${end}\neval "$${word}"\n${input.map((l) => `${l}\n`).join("")}`);
    this.#bash.stdin.write(`printf '%s:%s\\n' ${end} "$?"\n`);
    const done = new RegExp(`^${end}:(\\d+)$`, "m");
    for (;;) {
      const printed = this.#out.slice(from);
      const found = done.exec(printed);
      if (found) return { output: printed.slice(0, found.index), status: Number(found[1]) };
      if (this.#bash.exitCode !== null) throw new Error(`the shell has ended:\n${printed}`);
      await new Promise<void>((done) => (this.#heard = done));
    }
  }

  /** Ends the background jobs and the session. */
  async stop(): Promise<void> {
    if (this.#bash.exitCode !== null) return;
    const exited = once(this.#bash, "exit");
    this.#bash.stdin.end("kill $(jobs -p) 2>/dev/null; wait; exit\n");
    await exited;
  }
}
