/** An action's code, as init takes it. */
export interface Program {
  readonly code: string;
  readonly binary?: boolean;
  readonly main?: string;
}

/** The same little actions in each language, and the words of its runtime. */
export interface Programs {
  /** Gives its arguments. */
  readonly echo: Program;
  /** Gives a variable's value now and at its start, null when it is not set. */
  readonly environment: Program;
  /** Gives `s` of `n` letters é. */
  readonly sized: Program;
  /** Waits `ms` and gives as `depth` how many runs went on at its start, itself included. */
  readonly overlap: Program;
  readonly overlaps: boolean;
  /** Gives `i` once `n` runs are there. */
  readonly meeting: Program;
  readonly broken: Readonly<Record<string, Program & { readonly words: string | RegExp; readonly log: RegExp }>>;
  /** Fails with "oh". */
  readonly failing: Program;
  readonly text: Program;
  /** Prints 300,000 letters and ends its process with 0. */
  readonly ending: Program;
  readonly killing: Program;
  /** Prints "on and on", and is. */
  readonly endless: Program;
  readonly printing: Program;
  /** Has a child print "child `i`". */
  readonly child: Program;
  /** Prints `n` lines "line 0", "line 1". */
  readonly lines: Program;
  readonly words: {
    readonly beforeInit: string;
    readonly failing: { readonly status: number; readonly words: string | RegExp };
    readonly text: string;
    /** What is seen when the action's process ends without an answer. */
    readonly ended: "gone" | { readonly status: number; readonly words: string };
  };
}

const NODEJS = {
  echo: "function main(a) { return a; }",
  environment: `const atInit = { ...process.env };
    function main({ name }) { return { value: process.env[name] ?? null, atInit: atInit[name] ?? null }; }`,
  sized: "function main({ n }) { return { s: 'é'.repeat(n) }; }",
  overlap: `let depth = 0; function main({ ms }) { depth += 1; const now = depth;
    return new Promise((ok) => setTimeout(() => { depth -= 1; ok({ depth: now }); }, ms)); }`,
  failing: "function main() { throw new TypeError('oh'); }",
  text: "function main() { return 'text'; }",
  ending: "function main() { console.log('x'.repeat(300000)); process.exit(0); }",
  killing: "function main() { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); }",
  endless: "function main() { console.log('on and on'); for (;;); }",
  printing: "console.log('loading'); function main() { console.log('häl\\nlo'); console.error('err'); return {}; }",
  child: `const { spawnSync } = require("node:child_process");
    function main({ i }) { spawnSync("sh", ["-c", "echo child " + i], { stdio: "inherit" }); return {}; }`,
  lines: "function main({ n }) { for (let i = 0; i < n; i++) console.log('line ' + i); return {}; }",
};

export const nodejsPrograms: Programs = {
  ...programsOf(NODEJS, (code) => ({ code })),
  overlaps: true,
  meeting: {
    code: `let open = []; function main({ i, n }) { return new Promise((ok) => {
      open.push(() => ok({ i })); if (open.length === n) for (const f of open.reverse()) f(); }); }`,
  },
  broken: {
    "code without its entry point": {
      code: "function other() {}",
      words: "Initialization has failed due to: Action entrypoint 'main' is not a function.",
      log: /not a function/,
    },
    "a syntax error": {
      code: "function main( {",
      words: /^Initialization has failed due to: .*SyntaxError/s,
      log: /SyntaxError/,
    },
    "an error while loading": {
      code: "throw new Error('early')",
      words: /^Initialization has failed due to: Error: early/,
      log: /Error: early/,
    },
  },
  words: {
    beforeInit: "System not initialized.",
    failing: { status: 502, words: "An error has occurred: TypeError: oh" },
    text: "The action did not return a dictionary.",
    ended: "gone",
  },
};

const NO_CODE = "The action failed to generate or locate a binary. See logs for details.";
const NO_START = "Cannot start action. Check logs for details.";

export const pythonPrograms: Programs = {
  ...programsOf(
    {
      echo: "def main(args):\n    return args",
      environment: `import os
at_init = dict(os.environ)
def main(args):
    name = args["name"]
    return {"value": os.environ.get(name), "atInit": at_init.get(name)}`,
      sized: "def main(args):\n    return {'s': 'é' * args['n']}",
      overlap: `import time
depth = 0
def main(args):
    global depth
    depth += 1
    now = depth
    time.sleep(args["ms"] / 1000)
    depth -= 1
    return {"depth": now}`,
      failing: "def main(args):\n    raise TypeError('oh')",
      text: "def main(args):\n    return 'text'",
      ending: "import sys\ndef main(args):\n    print('x' * 300000)\n    sys.exit(0)",
      killing: "import os, signal\ndef main(args):\n    os.kill(os.getpid(), signal.SIGKILL)",
      endless: "def main(args):\n    print('on and on')\n    while True:\n        pass",
      printing: `import sys
print("loading")
def main(args):
    print("häl\\nlo")
    print("err", file=sys.stderr)
    return {}`,
      child: `import subprocess
def main(args):
    subprocess.run(["sh", "-c", f"echo child {args['i']}"], check=True)
    return {}`,
      lines: "def main(args):\n    for i in range(args['n']):\n        print(f'line {i}')\n    return {}",
    },
    (code) => ({ code }),
  ),
  overlaps: true,
  meeting: {
    code: `import threading
here = threading.Barrier(20)
def main(args):
    here.wait(5)
    return {"i": args["i"]}`,
  },
  broken: {
    "code without its entry point": {
      code: "def other(args):\n    return {}",
      words: NO_START,
      log: /stderr: Action entrypoint 'main' is not a function\./,
    },
    "a syntax error": { code: "def main(args:\n", words: NO_CODE, log: /stderr: SyntaxError: /s },
    "an error while loading": {
      code: "raise ValueError('early')",
      words: NO_START,
      log: /stderr: Traceback .*line 1, in <module>.*raise ValueError.*ValueError: early/s,
    },
    "a module that is not there": { code: "import nowhere", words: NO_START, log: /No module named 'nowhere'/ },
  },
  words: {
    beforeInit: "System not initialized.",
    failing: { status: 200, words: "oh" },
    text: "The action did not return a dictionary or array.",
    ended: "gone",
  },
};

/** A script that loops over its stdin, around a function `main` of the arguments; node is in every container's path. */
function loop(main: string): Program {
  return {
    code: `#!/usr/bin/env node
const { writeSync } = require("node:fs");
// As the protocol wants it: all that a run prints is out before its answer is.
console.log = (text) => writeSync(1, text + "\\n");
console.error = (text) => writeSync(2, text + "\\n");
${main}
require("node:readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  const { value, ...fields } = JSON.parse(line);
  for (const [name, text] of Object.entries(fields)) process.env["__OW_" + name.toUpperCase()] = text;
  const bytes = Buffer.from(JSON.stringify(await main(value)) + "\\n");
  for (let at = 0; at < bytes.length; ) at += writeSync(3, bytes, at);
});`,
  };
}

export const actionloopPrograms: Programs = {
  ...programsOf(
    {
      ...NODEJS,
      // An error is the program's own to answer; one that nobody catches ends it.
      failing: "function main() { console.error('oh'); return { error: 'oh' }; }",
      ending: "function main() { writeSync(1, 'x'.repeat(300000) + '\\n'); process.exit(0); }",
    },
    loop,
  ),
  overlaps: false,
  meeting: { code: "" },
  broken: {
    "source that nothing here compiles": {
      code: "package main",
      words: NO_CODE,
      log: /stderr: Source without a #! line: nothing here compiles/,
    },
    "an interpreter that is not there": { code: "#!/nowhere/at/all\n", words: NO_START, log: /stderr: spawn .*ENOENT/ },
    "what no machine executes": {
      code: Buffer.from("neither zip nor program").toString("base64"),
      binary: true,
      words: NO_CODE,
      log: /stderr: The code is no zip archive, no script with a #! line and no executable/,
    },
  },
  words: {
    beforeInit: "no action defined yet",
    failing: { status: 200, words: "oh" },
    text: "The action did not return a dictionary or array.",
    ended: { status: 400, words: "command exited" },
  },
};

/** By the manifest's family. */
export const programsByFamily: Readonly<Record<string, Programs>> = {
  nodejs: nodejsPrograms,
  python: pythonPrograms,
  actionloop: actionloopPrograms,
};

type Plain = keyof typeof NODEJS;

function programsOf(codes: Readonly<Record<Plain, string>>, made: (code: string) => Program): Record<Plain, Program> {
  return Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, made(code)])) as Record<Plain, Program>;
}
