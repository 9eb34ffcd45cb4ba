import assert from "node:assert/strict";
import { test } from "node:test";
import { Authenticator } from "../../../src/controller/entitlement/authenticator.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import { identityOf as anyIdentity } from "../../support/messages.ts";

const SPACE = asId<Namespace>("space");

test("the owner of a namespace is known at once after the first time, until any subject changes", async () => {
  const { subjects } = memoryStores({ clock: systemClock });
  const authenticator = new Authenticator({ subjects, limitsOf: () => anyIdentity().limits });
  authenticator.onFollowing();
  assert.equal(await authenticator.identityOf(SPACE), undefined);
  const own = { name: SPACE, uuid: "5a0c7d2e-8b1f-4a63-9d55-0f6f7f3f1a11", key: "k".repeat(64) };
  const put = await subjects.put({ subject: "somebody", namespaces: [own], blocked: false }, "absent");
  assert.ok(put.kind === "ok");
  const first = await authenticator.identityOf(SPACE);
  assert.deepEqual([first?.subject, first?.namespace, first?.authKey], ["somebody", SPACE, `${own.uuid}:${own.key}`]);
  assert.equal(authenticator.identityOf(SPACE), first, "without a promise");

  await subjects.put({ subject: "somebody", namespaces: [own], blocked: true }, put.revision);
  authenticator.invalidate();
  assert.equal(await authenticator.identityOf(SPACE), undefined, "blocked");
});
