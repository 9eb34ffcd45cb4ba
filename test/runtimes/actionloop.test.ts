import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bench, containerId, temporaryFolder } from "../invoker/process/fixture.ts";
import { actionloopPrograms } from "./programs.ts";
import {
  assertError,
  assertStatus,
  init,
  LOGS,
  type MakeContainer,
  RUN,
  run,
  statusOf,
  testProtocol,
  textOf,
  valueOf,
} from "./protocol.ts";
import { zip } from "./zip.ts";

const { factory } = bench({ after });
const NO_CODE = "The action failed to generate or locate a binary. See logs for details.";
const NO_START = "Cannot start action. Check logs for details.";
const SHELL = `#!/bin/sh
while read -r line; do echo "took a line"; echo '{"shell":true}' >&3; done`;

const make: MakeContainer = async (t, { env = {} } = {}) => {
  const container = await factory.create({ id: containerId(), kind: "actionloop:1", memoryMb: 256, env });
  t.after(() => container.destroy());
  return container;
};

testProtocol("actionloop:1 as a process", actionloopPrograms, make);

describe("actionloop:1: code", { concurrency: 2 }, () => {
  test("a script of the shell is an action", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: SHELL }), 200);
    for (let i = 0; i < 3; i += 1) {
      assert.deepEqual(valueOf(await run(container)), { shell: true });
      assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), ["took a line"]);
    }
  });

  test(
    "a compiled program is an action, as it is and in a zip with what it reads",
    { skip: compilerIsMissing() },
    async (t) => {
      const program = compiled(t);
      const length = Buffer.byteLength(JSON.stringify({ ...RUN, value: { a: 1 } })) + 1;
      const plain = await make(t);
      assertStatus(await init(plain, { code: program.toString("base64"), binary: true }), 200);
      assert.deepEqual(valueOf(await run(plain, { a: 1 })), { length, said: "nothing" });
      const packed = await make(t);
      const archive = zip([
        { name: "exec", content: program },
        { name: "said.txt", content: "hello" },
      ]);
      assertStatus(await init(packed, { code: archive.toString("base64"), binary: true }), 200);
      assert.deepEqual(valueOf(await run(packed, { a: 1 })), { length, said: "hello" });
      assert.deepEqual(textOf(await packed.logs(LOGS), "stderr"), ["from C"]);
    },
  );

  test("an executable that ends at once fails init, or where it took its time the first run", async (t) => {
    const container = await make(t);
    const answer = await init(container, { code: "#!/bin/true\n" });
    if (statusOf(answer) === 200) assertError(await run(container), 400, "command exited");
    else assertError(answer, 502, NO_START);
    assert.match((await container.logs(LOGS)).join(), /stderr: command exited/);
  });

  test("a zip without exec is refused, and one that is hostile too", async (t) => {
    const [without, hostile] = [await make(t), await make(t)];
    const code = zip([{ name: "readme" }]).toString("base64");
    assertError(await init(without, { code, binary: true }), 502, NO_CODE);
    assert.match((await without.logs(LOGS)).join(), /Zip file does not include exec at the root\./);
    const evil = zip([
      { name: "exec", content: SHELL },
      { name: "../x", content: "1" },
    ]).toString("base64");
    assertError(await init(hostile, { code: evil, binary: true }), 502, NO_CODE);
    assert.match((await hostile.logs(LOGS)).join(), /stderr: archive /);
  });
});

describe("actionloop:1: acknowledgement", { concurrency: 2 }, () => {
  const env = { __OW_WAIT_FOR_ACK: "true" };
  const acknowledging = (line: string, delayS = 0) =>
    `#!/bin/sh\nsleep ${delayS}\n${line}\nwhile read -r line; do echo '{"real":true}' >&3; done`;

  test("init waits for it where the environment asks for it", async (t) => {
    const container = await make(t);
    const asked = performance.now();
    assertStatus(await init(container, { code: acknowledging(`echo '{"ok":true}' >&3`, 0.3), env }), 200);
    assert.ok(performance.now() - asked >= 290);
    assert.deepEqual(valueOf(await run(container)), { real: true });
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["one that says no", `echo '{"ok":false}' >&3`, /The action did not initialize properly\./],
    ["one that is no JSON", `echo 'hello' >&3`, /The action did not initialize properly\./],
    ["an end instead of one", "exit 3", /Command exited abruptly during initialization\./],
  ];
  for (const [claim, line, log] of bad) {
    test(`${claim} fails init`, async (t) => {
      const container = await make(t);
      assertError(await init(container, { code: acknowledging(line), env }), 502, NO_START);
      assert.match((await container.logs(LOGS)).join(), log);
    });
  }

  test("a line that nobody asked for is no run's answer", async (t) => {
    const container = await make(t);
    // What runs here is sure to come late: each answer is followed by one more.
    const code = `#!/bin/sh\nwhile read -r line; do printf '{"real":true}\\n{"stray":true}\\n' >&3; done`;
    assertStatus(await init(container, { code }), 200);
    for (let i = 0; i < 5; i += 1) assert.deepEqual(valueOf(await run(container)), { real: true });
  });

  test("a run whose executable has ended since is told so", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "#!/bin/sh\nsleep 0.1" }), 200);
    assertError(await run(container), 400, "command exited");
    assertError(await run(container), 400, "command exited");
  });
});

function compilerIsMissing(): string | false {
  const there = ["/usr/bin/cc", "/usr/local/bin/cc"].some((path) => existsSync(path));
  return there || process.env["SKEIN_REQUIRE_ENGINES"] === "1" ? false : "needs a C compiler";
}

/** Answers each line with its length, and what a file beside it says. */
function compiled(t: { after(cleanUp: () => void): void }): Buffer {
  const folder = temporaryFolder(t);
  const source = join(folder, "exec.c");
  writeFileSync(
    source,
    `#define _GNU_SOURCE
#include <stdio.h>
int main(void) {
  char *line = NULL, said[32] = "nothing";
  size_t room = 0;
  ssize_t length;
  FILE *out = fdopen(3, "w"), *file = fopen("said.txt", "r");
  if (file != NULL) fgets(said, sizeof said, file);
  while ((length = getline(&line, &room, stdin)) > 0) {
    fprintf(stderr, "from C\\n");
    fprintf(out, "{\\"length\\":%zd,\\"said\\":\\"%s\\"}\\n", length, said);
    fflush(out);
  }
  return 0;
}`,
  );
  execFileSync("cc", ["-O1", "-o", join(folder, "exec"), source]);
  return readFileSync(join(folder, "exec"));
}
