import assert from "node:assert/strict";
import { claimActivations } from "./stores-activations.ts";
import { claimAttachments } from "./stores-attachments.ts";
import { claimCompositions } from "./stores-compositions.ts";
import { claimDocuments } from "./stores-documents.ts";
import { claimFeed } from "./stores-feed.ts";
import { claimRetention } from "./stores-retention.ts";
import { claimsOf, type MakeStores } from "./stores-support.ts";

/** Registers everything that `Stores` promise as tests of one implementation. `make` opens fresh, empty stores on the clock given. */
export function testStores(name: string, make: MakeStores): void {
  const claim = claimsOf(name, make);
  claimActivations(claim);
  claimCompositions(claim);
  claimRetention(claim);
  claimDocuments(claim);
  claimAttachments(claim);
  claimFeed(claim);
  claim("closing twice is closing once", async ({ stores }) => {
    await Promise.all([stores.close(), stores.close()]);
    await assert.doesNotReject(stores.close());
  });
}
