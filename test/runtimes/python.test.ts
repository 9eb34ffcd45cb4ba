import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bench, containerId, isRoot, temporaryFolder } from "../invoker/process/fixture.ts";
import type { JsonValue } from "../../src/kernel/json.ts";
import { advertisedRuntimes, availableOf, resolveKind, runtimeOf } from "../../src/runtimes/manifest.ts";
import { findPython } from "../../src/runtimes/python/find.ts";
import { python } from "../../src/runtimes/python/manifest.ts";
import { pythonPrograms } from "./programs.ts";
import {
  assertError,
  assertStatus,
  init,
  LOGS,
  type MakeContainer,
  run,
  testProtocol,
  textOf,
  valueOf,
} from "./protocol.ts";
import { zip, type ZipEntry } from "./zip.ts";

const { factory } = bench({ after });
const found = findPython();
/** Where engines are required a skip is a failure. */
const skip =
  found === undefined && process.env["SKEIN_REQUIRE_ENGINES"] !== "1" ? "needs a python3 that anybody may run" : false;
const LINK = 0o120_777;
const SCRIPT = 0o100_755;
const NO_CODE = "The action failed to generate or locate a binary. See logs for details.";

const make: MakeContainer = async (t, { env = {} } = {}) => {
  const container = await factory.create({ id: containerId(), kind: "python:3", memoryMb: 256, env });
  t.after(() => container.destroy());
  return container;
};

describe("python:3", { skip }, () => {
  testProtocol("python:3 as a process", pythonPrograms, make);
  describe("language", { concurrency: 2 }, testLanguage);
  describe("archives", { concurrency: 2 }, testArchives);
  describe("availability", testAvailability);
});

function testLanguage(): void {
  const results: readonly (readonly [string, string, JsonValue])[] = [
    ["a tuple is an array", "def main(a):\n    return (1, 'zwei')", [1, "zwei"]],
    [
      "what runs only as a script does not run",
      "def main(a):\n    return a\nif __name__ == '__main__':\n    1 / 0",
      {},
    ],
    ["half a surrogate pair gets out", "def main(a):\n    return {'s': '\\ud83d'}", { s: "\ud83d" }],
    [
      "the main thread runs the action, which may handle signals",
      "import signal\ndef main(a):\n    signal.signal(signal.SIGALRM, lambda *_: None)\n    return {'ok': True}",
      { ok: true },
    ],
    [
      "a function that patches the language and closes its streams still gets its answer out",
      `import json, os, socket, sys
def main(a):
    json.dumps = json.loads = os.write = socket.socket.sendall = None
    sys.stdout.close()
    sys.stdout = None
    return {"fine": "é"}`,
      { fine: "é" },
    ],
    [
      "an error that cannot be told is told by its class",
      "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\ndef main(a):\n    raise Odd()",
      { error: "Odd" },
    ],
    [
      "nothing of the runtime's hides a module of the same name",
      "import importlib.util\ndef main(a):\n    return {'archive': importlib.util.find_spec('archive') is None}",
      { archive: true },
    ],
  ];
  for (const [claim, code, expected] of results) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code }), 200);
      assert.deepEqual(valueOf(await run(container)), expected);
    });
  }

  test("a dotted entry point is an attribute of what its first name stands for", async (t) => {
    const container = await make(t);
    const code = "class A:\n    @staticmethod\n    def go(args):\n        return {'deep': 1}";
    assertStatus(await init(container, { code, main: "A.go" }), 200);
    assert.deepEqual(valueOf(await run(container)), { deep: 1 });
  });

  const unsaid: readonly (readonly [string, string, RegExp])[] = [
    ["an object of a class is no result", "{'o': object()}", /cannot be written as JSON: Object of type object/],
    ["bytes are no result", "{'b': b'1'}", /cannot be written as JSON: Object of type bytes/],
    ["NaN is no result", "{'n': float('nan')}", /cannot be written as JSON: Out of range float/],
    ["None is no result", "None", /^The action did not return a dictionary or array\.$/],
  ];
  for (const [claim, value, words] of unsaid) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code: `def main(a):\n    return ${value}` }), 200);
      assertError(await run(container), 502, words);
    });
  }

  test("an error's account in the log has the action's lines and none of the runtime's", async (t) => {
    const container = await make(t);
    const code = "def inner():\n    raise KeyError('oh')\n\ndef main(args):\n    inner()";
    assertStatus(await init(container, { code }), 200);
    await run(container);
    const lines = textOf(await container.logs(LOGS), "stderr");
    assert.match(
      lines.join("\n"),
      /line 5, in main\n +inner\(\)\n[^]*line 2, in inner\n +raise KeyError\('oh'\)[^]*KeyError: 'oh'$/,
    );
    assert.ok(
      lines.every((line) => !line.includes("main.py")),
      lines.join("\n"),
    );
  });

  test("more runs at once than it may have threads are all answered", async (t) => {
    const container = await make(t, { env: { __OW_ALLOW_CONCURRENT: "true" } });
    const code = "import time\ndef main(a):\n    time.sleep(0.2)\n    return a";
    assertStatus(await init(container, { code }), 200);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => run(container, { i })));
    assert.deepEqual(
      answers.map(valueOf),
      Array.from({ length: 200 }, (_, i) => ({ i })),
    );
  });

  test("a variable that no system takes is left out, which the log says", async (t) => {
    const container = await make(t);
    const code = "import os\ndef main(a):\n    return {'bad': os.environ.get('BAD'), 'good': os.environ.get('GOOD')}";
    assertStatus(await init(container, { code, env: { BAD: "a\0b", GOOD: "g" } }), 200);
    assert.deepEqual(valueOf(await run(container)), { bad: null, good: "g" });
    assert.match((await container.logs(LOGS)).join(), /stderr: Variable BAD cannot be set/);
  });

  test("sys.exit in a run that may overlap ends the container too", async (t) => {
    const container = await make(t, { env: { __OW_ALLOW_CONCURRENT: "true" } });
    assertStatus(await init(container, { code: "import sys\ndef main(a):\n    sys.exit(0)" }), 200);
    assert.deepEqual(await run(container), { kind: "gone", reason: "exited" });
  });

  test("an action that takes more memory than it has is ended, and the record can say so", async (t) => {
    const container = await make(t);
    const code =
      "import time\ndef main(a):\n    b = bytearray(400_000_000)\n    for i in range(0, len(b), 4096):\n        b[i] = 1\n    time.sleep(9)";
    assertStatus(await init(container, { code }), 200);
    assert.deepEqual(await run(container), { kind: "gone", reason: "out-of-memory" });
  });
}

function testArchives(): void {
  const good: readonly (readonly [string, readonly ZipEntry[], JsonValue])[] = [
    [
      "__main__.py is the entry, and finds the packages and files beside it",
      [
        {
          name: "__main__.py",
          content: "import helper, pack.deep\ndef main(a):\n    return {'x': helper.X, 'y': pack.deep.Y}",
        },
        { name: "helper.py", content: "X = open('data/t.txt').read()" },
        { name: "pack/__init__.py" },
        { name: "pack/deep.py", content: "Y = 2" },
        { name: "data/t.txt", content: "täxt" },
      ],
      { x: "täxt", y: 2 },
    ],
    [
      "a virtualenv is activated by its own script",
      [
        { name: "__main__.py", content: "import bundled\ndef main(a):\n    return {'v': bundled.V}" },
        {
          name: "virtualenv/bin/activate_this.py",
          content: "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'own'))",
        },
        { name: "virtualenv/own/bundled.py", content: "V = 'mine'" },
      ],
      { v: "mine" },
    ],
    [
      "a virtualenv that venv made has no such script and is found all the same",
      [
        { name: "__main__.py", content: "import bundled\ndef main(a):\n    return {'v': bundled.V}" },
        { name: "virtualenv/lib/python3.7/site-packages/bundled/__init__.py", content: "V = 3" },
      ],
      { v: 3 },
    ],
    [
      "executables stay executable",
      [
        {
          name: "__main__.py",
          content: "import subprocess\ndef main(a):\n    return {'o': subprocess.check_output(['./tool']).decode()}",
        },
        { name: "tool", content: "#!/bin/sh\nprintf tool", mode: SCRIPT },
      ],
      { o: "tool" },
    ],
  ];
  for (const [claim, entries, expected] of good) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code: zip(entries).toString("base64"), binary: true }), 200);
      assert.deepEqual(valueOf(await run(container)), expected);
    });
  }

  const script = { name: "__main__.py", content: "def main(a):\n    return {}" };
  const zeros = Buffer.alloc(20_000_000);
  const bad: readonly (readonly [string, Buffer, RegExp])[] = [
    ["an archive without __main__.py is refused", zip([{ name: "readme" }]), /Zip file does not include __main__\.py/],
    [
      "a virtualenv without its packages is refused",
      zip([script, { name: "virtualenv/readme" }]),
      /Invalid virtualenv\. Zip file does not include 'activate_this\.py'\./,
    ],
    ["a syntax error in an archive is told", zip([{ name: "__main__.py", content: "def" }]), /SyntaxError/],
    ["what is no archive is refused", Buffer.from("no zip at all"), /archive cannot be read/],
    [
      "a path that leaves the folder is refused",
      zip([script, { name: "../../evil.py", content: "1" }]),
      /leaves the folder/,
    ],
    ["an absolute path is refused", zip([script, { name: "/tmp/evil.py", content: "1" }]), /leaves the folder/],
    [
      "a symbolic link is refused",
      zip([script, { name: "link", content: "/etc/passwd", mode: LINK }]),
      /archive entry link .*links are refused/,
    ],
    ["a bomb by ratio is refused", zip([script, { name: "z", content: zeros }]), /archive unpacks to \d+ times/],
    [
      "a bomb by size is refused",
      zip([script, { name: "z", content: "1", claimedSize: 2_000_000_000 }]),
      /archive unpacks to 20000000\d\d bytes/,
    ],
    [
      "an entry that is longer than it says is refused",
      zip([script, { name: "z", content: zeros, claimedSize: 10 }]),
      /archive entry z cannot be unpacked/,
    ],
    [
      "a flood of entries is refused",
      zip(Array.from({ length: 50_001 }, (_, i) => ({ name: `f${i}` }))),
      /archive has 50001 entries/,
    ],
  ];
  for (const [claim, bytes, log] of bad) {
    test(claim, async (t) => {
      const container = await make(t);
      assertError(await init(container, { code: bytes.toString("base64"), binary: true }), 502, NO_CODE);
      assert.match((await container.logs(LOGS)).join("\n"), log);
    });
  }
}

function testAvailability(): void {
  test("the version that is advertised is the one that runs", async (t) => {
    const container = await make(t);
    const code = "import platform\ndef main(a):\n    return {'v': platform.python_version()}";
    assertStatus(await init(container, { code }), 200);
    const [kind] = advertisedRuntimes()["python"] ?? [];
    assert.equal(kind?.kind, "python:3");
    assert.deepEqual(valueOf(await run(container)), { v: kind?.image.replace("python:", "") });
  });

  test("earlier versions of 3 are names for it, later ones are not", () => {
    const [, minor = "0"] = found?.version.split(".") ?? [];
    assert.equal(resolveKind("python:default"), "python:3");
    for (const name of ["python:3.6", `python:3.${minor}`]) assert.equal(resolveKind(name), "python:3");
    assert.equal(resolveKind(`python:3.${Number(minor) + 1}`), undefined);
    assert.equal(resolveKind("python:2"), undefined);
    assert.equal(runtimeOf("python:default")?.manifest, python);
  });

  test("where no python3 is found its kinds are not offered", () => {
    const without = { ...python, start: { ...python.start, program: () => undefined } };
    assert.deepEqual(availableOf([without]), []);
    assert.deepEqual(advertisedRuntimes(availableOf([without])), {});
  });

  test("a python3 that is no CPython 3, or cannot say, is passed over", (t) => {
    const folder = openFolder(t);
    for (const words of [
      "exit 1",
      "echo no json",
      `echo '["pypy", "/bin/sh", 3, 10, 1]'`,
      `echo '["cpython", "/bin/sh", 3, 7, 1]'`,
    ]) {
      writeFileSync(join(folder, "python3"), `#!/bin/sh\n${words}\n`);
      chmodSync(join(folder, "python3"), 0o755);
      assert.notEqual(findPython(folder)?.path, "/bin/sh", words);
    }
  });

  test("a wrapper in the path leads to the interpreter itself", (t) => {
    const folder = openFolder(t);
    writeFileSync(join(folder, "python3"), `#!/bin/sh\nexec ${found?.path} "$@"\n`);
    chmodSync(join(folder, "python3"), 0o755);
    const executable = execFileSync(join(folder, "python3"), ["-c", "import sys; print(sys.executable)"], {
      encoding: "utf8",
    });
    assert.equal(findPython(folder)?.path, executable.trim());
  });

  test("one that only its owner may reach is passed over where containers are other users", (t) => {
    const folder = openFolder(t);
    const home = join(folder, "home");
    mkdirSync(home, { mode: 0o700 });
    symlinkSync(found?.path ?? "", join(folder, "python3"));
    writeFileSync(join(home, "python3"), `#!/bin/sh\necho '["cpython", "${join(home, "python3")}", 3, 99, 0]'\n`);
    chmodSync(join(home, "python3"), 0o755);
    assert.equal(findPython(home, false)?.version, "3.99.0");
    assert.notEqual(findPython(home, true)?.version, "3.99.0");
    if (isRoot) assert.notEqual(findPython(home)?.version, "3.99.0");
  });
}

/** In which anybody may look. */
function openFolder(t: { after(cleanUp: () => void): void }): string {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  return folder;
}
