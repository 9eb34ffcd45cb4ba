import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FrameReader } from "../../../src/invoker/factory/docker/frames.ts";

interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Buffer;
}

function framed({ stream, bytes }: Frame): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === "stderr" ? 2 : 1;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

const frame = fc.record({
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  bytes: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});

test("each stream gets its bytes in order, wherever the frames are cut", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (frames, cuts) => {
        const got: Frame[] = [];
        const reader = new FrameReader((stream, bytes) => got.push({ stream, bytes: Buffer.from(bytes) }));
        const wire = Buffer.concat(frames.map(framed));
        for (let at = 0, turn = 0; at < wire.length; turn += 1) {
          const length = cuts[turn % cuts.length] ?? 1;
          reader.take(wire.subarray(at, at + length));
          at += length;
        }
        for (const name of ["stdout", "stderr"] as const) {
          const of = (all: readonly Frame[]) =>
            Buffer.concat(all.filter((one) => one.stream === name).map((one) => one.bytes));
          assert.deepEqual(of(got), of(frames));
        }
      },
    ),
  );
});

test("a frame that is announced as gigabytes is handed on as it comes", () => {
  let bytes = 0;
  const reader = new FrameReader((_, chunk) => (bytes += chunk.length));
  reader.take(Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
  for (let i = 0; i < 10; i += 1) reader.take(Buffer.alloc(65_536));
  assert.equal(bytes, 655_360);
});
