import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { asId } from "../../src/kernel/ids.ts";
import { type Claim, entityOf } from "./stores-support.ts";

const code = new TextEncoder().encode("function main() { return {} }");
const GRACE = 60_000;

/** What every attachment store must do. */
export function claimAttachments(claim: Claim): void {
  claim("an attachment is addressed by its sha-256 and got back whole", async ({ stores: { attachments } }) => {
    const digest = await attachments.put(code);
    assert.equal(digest, `sha256-${createHash("sha256").update(code).digest("hex")}`);
    assert.deepEqual(new Uint8Array((await attachments.get(digest)) ?? []), code);
    assert.equal(await attachments.get(asId(`sha256-${"0".repeat(64)}`)), undefined);
  });

  claim("a name that is no digest finds nothing", async ({ stores: { attachments } }) => {
    await attachments.put(code);
    for (const name of ["", "sha256-", "sha256-../../skein.db", "../skein.db"]) {
      assert.equal(await attachments.get(asId(name)), undefined);
    }
  });

  claim("putting the same bytes again, also at once, is harmless", async ({ stores: { attachments } }) => {
    const digests = await Promise.all(Array.from({ length: 8 }, () => attachments.put(code)));
    assert.equal(new Set(digests).size, 1);
    assert.deepEqual(new Uint8Array((await attachments.get(digests[0]!)) ?? []), code);
  });

  claim("no bytes at all are an attachment too", async ({ stores: { attachments } }) => {
    const digest = await attachments.put(new Uint8Array());
    assert.equal((await attachments.get(digest))?.length, 0);
  });

  claim("a sweep takes what nobody names, after its grace", async ({ stores: { attachments }, clock }) => {
    const digest = await attachments.put(code);
    assert.equal(await attachments.sweep(GRACE), 0);
    clock.advance(GRACE - 1);
    assert.equal(await attachments.sweep(GRACE), 0);
    clock.advance(1);
    assert.equal(await attachments.sweep(GRACE), 1);
    assert.equal(await attachments.get(digest), undefined);
  });

  claim("a fresh put of old bytes starts their grace anew", async ({ stores: { attachments }, clock }) => {
    const digest = await attachments.put(code);
    clock.advance(2 * GRACE);
    const [swept] = await Promise.all([attachments.sweep(GRACE), attachments.put(code)]);
    assert.ok(swept <= 1);
    assert.ok(await attachments.get(digest), "whichever came first, what was just put is there");
    assert.equal(await attachments.sweep(GRACE), 0);
  });

  claim("what an entity names stays, and for a grace after the last one let it go", async ({ stores, clock }) => {
    const digest = await stores.attachments.put(code);
    const one = await stores.artifacts.put(entityOf("one", { attachments: [digest] }), "absent");
    const two = await stores.artifacts.put(entityOf("two", { attachments: [digest, digest] }), "absent");
    assert.ok(one.kind === "ok" && two.kind === "ok");
    clock.advance(2 * GRACE);
    assert.equal(await stores.attachments.sweep(GRACE), 0);
    await stores.artifacts.delete(entityOf("one"), one.revision);
    clock.advance(2 * GRACE);
    assert.equal(await stores.attachments.sweep(GRACE), 0);
    // An update that names other code lets go as a delete does.
    await stores.artifacts.put(entityOf("two"), two.revision);
    assert.equal(await stores.attachments.sweep(GRACE), 0);
    clock.advance(GRACE);
    assert.equal(await stores.attachments.sweep(GRACE), 1);
    assert.equal(await stores.attachments.get(digest), undefined);
  });

  claim("an update that keeps its code keeps it from the sweep", async ({ stores, clock }) => {
    const digest = await stores.attachments.put(code);
    const put = await stores.artifacts.put(entityOf("one", { attachments: [digest] }), "absent");
    assert.ok(put.kind === "ok");
    clock.advance(2 * GRACE);
    await stores.artifacts.put(entityOf("one", { updated: 1, attachments: [digest] }), put.revision);
    clock.advance(2 * GRACE);
    assert.equal(await stores.attachments.sweep(GRACE), 0);
    assert.ok(await stores.attachments.get(digest));
  });
}
