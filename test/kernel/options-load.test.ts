import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { isPlatformError } from "../../src/kernel/errors.ts";
import { optionFields } from "../../src/kernel/options/fields.ts";
import { type LoadInput, loadOptions, optionAt, OptionsError, originText } from "../../src/kernel/options/load.ts";

const folder = mkdtempSync(join(tmpdir(), "skein-options-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const KEY = `${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}:${"k".repeat(64)}`;

let files = 0;
function yaml(text: string): string {
  files += 1;
  const file = join(folder, `skein-${files}.yaml`);
  writeFileSync(file, text);
  return file;
}

function load(input: Partial<LoadInput>) {
  return loadOptions({ file: yaml(""), env: {}, flags: [], ...input });
}

/** The lines of the problems, without the folder and the number of the file. */
function problems(input: Partial<LoadInput>): readonly string[] {
  try {
    load(input);
  } catch (error) {
    assert.ok(error instanceof OptionsError && isPlatformError(error, "options/invalid"));
    return error.message
      .replaceAll(`${folder}/`, "")
      .replaceAll(/skein-\d+\.yaml/g, "skein.yaml")
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return assert.fail("was accepted");
}

suite("precedence and origins", () => {
  test("flags win over environment, environment over file, file over defaults", () => {
    const file = yaml("server:\n  port: 1\n  host: 10.0.0.1\ninvoker:\n  idleMs: 5\n");
    const { options, origins } = load({
      file,
      env: { SKEIN_SERVER_PORT: "2", SKEIN_SERVER_HOST: "10.0.0.2" },
      flags: [{ path: "server.port", flag: "--port", value: "3" }],
    });
    assert.deepEqual(
      [options.server.port, options.server.host, options.invoker.idleMs, options.server.shutdownMs],
      [3, "10.0.0.2", 5, 10_000],
    );
    const from = (path: string) => originText(origins.get(path) ?? assert.fail(path));
    assert.equal(from("server.port"), "flag --port");
    assert.equal(from("server.host"), "env SKEIN_SERVER_HOST");
    assert.equal(from("invoker.idleMs"), `${file}:5`);
    assert.equal(from("server.shutdownMs"), "default");
  });

  test("every option has an origin, and a variable of its own", () => {
    const { origins } = load({});
    const fields = optionFields();
    assert.deepEqual(
      [...origins.keys()],
      fields.map((field) => field.path),
    );
    assert.equal(new Set(fields.map((field) => field.env)).size, fields.length);
    assert.equal(fields.find((field) => field.path === "server.tlsCert")?.env, "SKEIN_SERVER_TLS_CERT");
    assert.equal(fields.find((field) => field.path === "guestKey")?.env, "SKEIN_GUEST_KEY");
  });

  test("the result is frozen all the way down", () => {
    const { options } = load({});
    assert.ok(Object.isFrozen(options) && Object.isFrozen(options.limits.action.memoryMb));
    assert.ok(Object.isFrozen(options.invoker.prewarm));
  });

  test("an empty file, and one of comments only, change nothing", () => {
    assert.deepEqual(load({ file: yaml("# nothing\nserver:\n") }).options, load({}).options);
  });
});

suite("coercion by the schema's type", () => {
  test("variables become numbers, booleans, lists and texts", () => {
    const { options } = load({
      env: {
        SKEIN_INVOKER_MEMORY_MB: "1024",
        SKEIN_SERVER_INSECURE: "true",
        SKEIN_INVOKER_PREWARM: '[{"kind":"nodejs:24","memoryMb":128,"count":1}]',
        SKEIN_GUEST_KEY: KEY,
        SKEIN_LIMITS_ACTION_TIMEOUT_MS_MAX: "600000",
      },
    });
    assert.equal(options.invoker.memoryMb, 1024);
    assert.equal(options.server.insecure, true);
    assert.deepEqual(options.invoker.prewarm, [{ kind: "nodejs:24", memoryMb: 128, count: 1 }]);
    assert.equal(options.guestKey, KEY);
    assert.equal(options.limits.action.timeoutMs.max, 600_000);
  });

  test("a switch is a boolean", () => {
    const flags = [{ path: "server.insecure", flag: "--insecure", value: true }];
    assert.equal(load({ flags }).options.server.insecure, true);
  });

  test("paths of a file are meant from its folder, ~ is the home folder", () => {
    const { options } = load({ file: yaml("data: { dir: ./here }\nserver: { tlsCert: ~/c.pem, tlsKey: /k.pem }\n") });
    assert.equal(options.data.dir, join(folder, "here"));
    assert.equal(options.server.tlsCert, join(homedir(), "c.pem"));
    assert.equal(options.server.tlsKey, "/k.pem");
    assert.equal(load({ env: { SKEIN_DATA_DIR: "d" } }).options.data.dir, join(process.cwd(), "d"));
  });

  test("an empty variable is a value, not an absent one", () => {
    assert.deepEqual(problems({ env: { SKEIN_SERVER_PORT: "" } }), [
      'server.port is "", but must be a whole number from 0 to 65535 (env SKEIN_SERVER_PORT)',
    ]);
  });
});

suite("refusals", () => {
  test("all problems are told at once, with their place", () => {
    const file = yaml("server:\n  prot: 1\n  port: abc\nlimits: 5\n");
    assert.deepEqual(problems({ file, env: { SKEIN_LOG_LEVEL: "loud" } }), [
      "server.prot is no option; did you mean server.port? (skein.yaml:2)",
      "limits is a section: it takes options below it, not a value (skein.yaml:4)",
      'server.port is "abc", but must be a whole number from 0 to 65535 (skein.yaml:3)',
      'log.level is "loud", but must be one of debug, info, warn, error, silent (env SKEIN_LOG_LEVEL)',
    ]);
  });

  test("a variable that nobody reads is refused with the nearest name", () => {
    assert.deepEqual(problems({ env: { SKEIN_SERVER_PROT: "1" } }), [
      "SKEIN_SERVER_PROT is no variable of Skein; did you mean SKEIN_SERVER_PORT? (env SKEIN_SERVER_PROT)",
    ]);
  });

  test("variables of the clients, and other programs' variables, are none of its business", () => {
    load({ env: { SKEIN_APIHOST: "x", SKEIN_AUTH: "y", PATH: "/bin", SKEIN_CONFIG: "z" } });
  });

  test("a path that no flag may set is refused", () => {
    assert.deepEqual(problems({ flags: [{ path: "a.b", flag: "--set", value: "1" }] }), [
      "a.b is no option (flag --set)",
    ]);
  });

  test("secrets are not repeated", () => {
    const [line = ""] = problems({ env: { SKEIN_GUEST_KEY: "hunter2" } });
    assert.match(line, /^guestKey is a value, but must be `uuid:key`/);
    assert.doesNotMatch(line, /hunter2/);
  });

  test("what only two options together can break names both their section and the origin", () => {
    assert.deepEqual(problems({ flags: [{ path: "server.tlsCert", flag: "--tls-cert", value: "c.pem" }] }), [
      "server tlsCert and tlsKey go together (flag --tls-cert)",
    ]);
    assert.deepEqual(problems({ env: { SKEIN_LIMITS_ACTION_MEMORY_MB_MIN: "300" } }), [
      "limits.action.memoryMb must hold min <= default <= max (env SKEIN_LIMITS_ACTION_MEMORY_MB_MIN)",
    ]);
  });

  test("a file that is named must be there, and be YAML", () => {
    assert.match(problems({ file: join(folder, "none.yaml") })[0] ?? "", /^none\.yaml ENOENT/);
    assert.match(problems({ file: yaml("a: [1\nb: 2\n") })[0] ?? "", /is not YAML: .*\(skein\.yaml:\d\)$/);
    assert.match(problems({ file: yaml("server:\n  port: 1\n  port: 2\n") })[0] ?? "", /is not YAML: .*unique/);
  });

  test("a hostile key of a file does not reach a prototype", () => {
    assert.equal(problems({ file: yaml("__proto__:\n  polluted: 1\n") }).length, 1);
    assert.equal(optionAt(load({}).options, "polluted"), undefined);
  });
});
