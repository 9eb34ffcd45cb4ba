import assert from "node:assert/strict";
import { test } from "node:test";
import { parseImageManifest } from "../../../src/invoker/factory/docker/runtimes-json.ts";

const image = { prefix: "openwhisk", name: "action-nodejs-v20", tag: "nightly" };

function parse(manifest: object): ReturnType<typeof parseImageManifest> {
  return parseImageManifest(JSON.stringify(manifest));
}

/** As OpenWhisk ships them, shortened. */
const OPENWHISK = {
  description: ["a comment"],
  runtimes: {
    nodejs: [
      {
        kind: "nodejs:20",
        default: true,
        image,
        deprecated: false,
        attached: { attachmentName: "codefile", attachmentType: "text/plain" },
        stemCells: [
          { initialCount: 2, memory: "256 MB", reactive: { minCount: 1, maxCount: 4, ttl: "2 minutes" } },
          { initialCount: 0, memory: "1 GB" },
        ],
      },
      { kind: "nodejs:18", image: { ...image, name: "action-nodejs-v18" }, deprecated: true },
    ],
    java: [
      {
        kind: "java:8",
        image: { registry: "reg.example.com:5000", prefix: "a/b", name: "java8action" },
        requireMain: true,
      },
    ],
    odd: [{ kind: "odd:1", image: { name: "odd", tag: "1" }, sentinelledLogs: false }],
  },
  blackboxes: [{ prefix: "openwhisk", name: "dockerskeleton", tag: "nightly" }],
};

test("OpenWhisk's own manifest is read as it is", () => {
  const { runtimes, blackboxes } = parse(OPENWHISK);
  assert.deepEqual(runtimes[0], {
    family: "nodejs",
    kind: "nodejs:20",
    image: "openwhisk/action-nodejs-v20:nightly",
    local: false,
    default: true,
    deprecated: false,
    requireMain: false,
    sentinels: true,
    stemCells: [
      { count: 2, memoryMb: 256 },
      { count: 0, memoryMb: 1024 },
    ],
  });
  assert.deepEqual(
    runtimes.map(({ kind, default: isDefault, deprecated }) => [kind, isDefault, deprecated]),
    [
      ["nodejs:20", true, false],
      ["nodejs:18", false, true],
      ["java:8", true, false],
      ["odd:1", true, false],
    ],
  );
  assert.deepEqual([runtimes[2]?.image, runtimes[2]?.requireMain], ["reg.example.com:5000/a/b/java8action", true]);
  assert.deepEqual([runtimes[3]?.image, runtimes[3]?.sentinels], ["odd:1", false]);
  assert.deepEqual(blackboxes, ["openwhisk/dockerskeleton:nightly"]);
});

test("images with the local prefix are never pulled when the manifest says so", () => {
  const localOf = (more: object) => parse({ ...OPENWHISK, ...more }).runtimes.map(({ local }) => local);
  assert.deepEqual(localOf({ bypassPullForLocalImages: true, localImagePrefix: "openwhisk" }), [
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual(localOf({ localImagePrefix: "openwhisk" }), [false, false, false, false]);
});

const kind = (more: object = {}) => ({ kind: "nodejs:20", image, ...more });
const bad: readonly (readonly [string, object | string, RegExp])[] = [
  ["what is no JSON", "{", /it is no JSON/],
  ["no kinds at all", { runtimes: {} }, /it names no kind/],
  ["a family without kinds", { runtimes: { nodejs: [] } }, /runtimes\.nodejs: /],
  ["several kinds and no default", { runtimes: { n: [kind(), kind({ kind: "b" })] } }, /family n has 0 default kinds/],
  [
    "two defaults",
    { runtimes: { n: [kind({ default: true }), kind({ kind: "b", default: true })] } },
    /family n has 2 default kinds/,
  ],
  ["one kind twice", { runtimes: { n: [kind()], m: [kind()] } }, /kind nodejs:20 is there twice/],
  ["a kind without an image", { runtimes: { n: [{ kind: "a" }] } }, /runtimes\.n\.0\.image/],
  ["an image name that is an option", { runtimes: { n: [kind({ image: { name: "-v/:/host" } })] } }, /image\.name/],
  [
    "a memory without a unit",
    { runtimes: { n: [kind({ stemCells: [{ initialCount: 1, memory: "256" }] })] } },
    /256 MB/,
  ],
  [
    "a flood of stem cells",
    { runtimes: { n: [kind({ stemCells: [{ initialCount: 1e6, memory: "1 MB" }] })] } },
    /stemCells/,
  ],
];
for (const [what, manifest, words] of bad) {
  test(`a manifest with ${what} is refused`, () => {
    const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    assert.throws(() => parseImageManifest(text), { code: "options/invalid", message: words });
  });
}
