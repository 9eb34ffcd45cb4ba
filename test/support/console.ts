import assert from "node:assert/strict";

/** A command of a document, and what the document says it prints. */
export interface Step {
  readonly line: number;
  /** As a shell takes it; lines after `> ` belong to it. */
  readonly command: string;
  readonly prints: readonly string[];
}

/**
 * The commands of a document's `console` blocks: `$ ` begins one, `> ` continues it, what follows up to the next one is what it prints.
 */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: { line: number; command: string; prints: string[] }[] = [];
  let inside = false;
  for (const [index, line] of markdown.split("\n").entries()) {
    if (line.startsWith("```")) inside = line === "```console";
    else if (!inside) continue;
    else if (line.startsWith("$ ")) steps.push({ line: index + 1, command: line.slice(2), prints: [] });
    else {
      const step = steps.at(-1);
      assert.ok(step !== undefined, `line ${index + 1} prints before anything was typed`);
      if (line.startsWith("> ")) step.command += `\n${line.slice(2)}`;
      else step.prints.push(line);
    }
  }
  return steps;
}

/** Fails unless `printed` is what the step promises: `…` in a line stands for anything, alone in a line for any lines. */
export function assertPrinted(step: Step, printed: string): void {
  const pattern = step.prints.map((line) =>
    line === "…" ? "(?:.*\\n)*?" : `${line.split("…").map(literally).join(".*")}\\n`,
  );
  assert.match(printed, new RegExp(`^${pattern.join("")}$`), `line ${step.line}: ${step.command}`);
}

function literally(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
