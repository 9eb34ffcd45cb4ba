import assert from "node:assert/strict";
import { test } from "node:test";
import { requireKind, requireOwner } from "../../../src/controller/entitlement/rights.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { identityOf } from "../../support/messages.ts";

test("everything in a namespace is its owner's, and nobody else's", () => {
  requireOwner(identityOf(), asId("guest"), asId("a"));
  assert.throws(() => requireOwner(identityOf(), asId("other"), asId("pkg/a")), {
    code: "auth/forbidden",
    message: "The supplied authentication is not authorized to access 'other/pkg/a'.",
  });
  assert.throws(() => requireOwner(identityOf(), asId("other")), { message: /to access 'other'\.$/ });
});

test("a namespace with a list of kinds uses those only", () => {
  requireKind(identityOf(), "nodejs:24");
  const limited = identityOf({ allowedKinds: ["python:3"] });
  requireKind(limited, "python:3");
  assert.throws(() => requireKind(limited, "nodejs:24"), {
    code: "auth/forbidden",
    message: "The supplied authentication is not authorized to access actions of kind 'nodejs:24'.",
  });
});
