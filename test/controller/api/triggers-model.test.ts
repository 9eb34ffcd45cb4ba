import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import type { EntityKind, Stores } from "../../../src/store/ports.ts";
import { type Harness, type Reply, source, startApi } from "./harness.ts";

// The long run: SKEIN_MODEL_RUNS=2000 node --test test/controller/api/triggers-model.test.ts
const RUNS = Number(process.env["SKEIN_MODEL_RUNS"] ?? 200);
const TREE = "/api/v1/namespaces/_";
const GUEST = asId<Namespace>("guest");
const KINDS: readonly EntityKind[] = ["action", "trigger", "rule"];
const TRIGGERS = ["t0", "t1"] as const;
const ACTIONS = ["a0", "a1"] as const;
const RULES = ["r0", "r1", "r2"] as const;

type Status = "active" | "inactive";

/**
 * What OpenWhisk keeps: links and their status in the trigger, a rule with two names. Ours keeps them elsewhere, and must not be told
 * apart by its answers.
 */
class Model {
  readonly actions = new Set<string>();
  readonly triggers = new Map<string, Map<string, { readonly action: string; readonly status: Status }>>();
  readonly rules = new Map<string, { readonly trigger: string; readonly action: string }>();

  statusOf(rule: string): Status {
    const trigger = this.rules.get(rule)?.trigger ?? "";
    return this.triggers.get(trigger)?.get(rule)?.status ?? "inactive";
  }
}

interface Operation {
  readonly toString: () => string;
  /** Does it to both, and compares the answers. */
  readonly run: (api: Harness, model: Model) => Promise<void>;
}

const trigger = fc.constantFrom(...TRIGGERS);
const action = fc.constantFrom(...ACTIONS);
const rule = fc.constantFrom(...RULES);
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 4 });

const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ name: action }).map(putAction) },
  { weight: 1, arbitrary: fc.record({ name: action }).map(removeAction) },
  { weight: 3, arbitrary: fc.record({ name: trigger, overwrite: fc.boolean() }).map(putTrigger) },
  { weight: 2, arbitrary: fc.record({ name: trigger }).map(removeTrigger) },
  {
    weight: 5,
    arbitrary: fc
      .record({ name: rule, overwrite: fc.boolean(), trigger: maybe(trigger), action: maybe(action) })
      .map(putRule),
  },
  { weight: 2, arbitrary: fc.record({ name: rule }).map(removeRule) },
  {
    weight: 3,
    arbitrary: fc.record({ name: rule, status: fc.constantFrom<Status>("active", "inactive") }).map(setStatus),
  },
  { weight: 4, arbitrary: fc.record({ name: trigger }).map(fire) },
  { weight: 2, arbitrary: fc.constant({ toString: () => "look", run: look }) },
);

test("any history of triggers and rules is answered as OpenWhisk's own model would", async () => {
  await using api = await startApi();
  const property = fc.asyncProperty(fc.array(operations, { maxLength: 40, size: "max" }), async (history) => {
    await clear(api.stores);
    const model = new Model();
    // Most histories begin with something there.
    for (const name of ACTIONS) await putAction({ name }).run(api, model);
    for (const name of TRIGGERS) await putTrigger({ name, overwrite: false }).run(api, model);
    for (const operation of history) await operation.run(api, model);
    await look(api, model);
  });
  await fc.assert(property, { numRuns: RUNS });
});

function putAction({ name }: { name: string }): Operation {
  return operation(`put action ${name}`, async (api, model) => {
    const reply = await api.call("PUT", `${TREE}/actions/${name}?overwrite=true`, { json: source() });
    assert.equal(reply.status, 200);
    model.actions.add(name);
  });
}

function removeAction({ name }: { name: string }): Operation {
  return operation(`delete action ${name}`, async (api, model) => {
    const reply = await api.call("DELETE", `${TREE}/actions/${name}`);
    assert.equal(reply.status, model.actions.delete(name) ? 200 : 404);
  });
}

function putTrigger({ name, overwrite }: { name: string; overwrite: boolean }): Operation {
  return operation(`put trigger ${name} ${overwrite}`, async (api, model) => {
    const reply = await api.call("PUT", `${TREE}/triggers/${name}?overwrite=${overwrite}`, { json: {} });
    const links = model.triggers.get(name);
    if (links !== undefined && !overwrite) {
      assert.equal(reply.status, 409);
      return;
    }
    if (links === undefined) model.triggers.set(name, new Map());
    compareTrigger(reply, model, name);
  });
}

function removeTrigger({ name }: { name: string }): Operation {
  return operation(`delete trigger ${name}`, async (api, model) => {
    const reply = await api.call("DELETE", `${TREE}/triggers/${name}`);
    if (model.triggers.has(name)) compareTrigger(reply, model, name);
    else assert.equal(reply.status, 404);
    model.triggers.delete(name);
  });
}

function putRule(put: {
  name: string;
  overwrite: boolean;
  trigger: string | undefined;
  action: string | undefined;
}): Operation {
  return operation(`put rule ${JSON.stringify(put)}`, async (api, model) => {
    const { name, overwrite } = put;
    const json = {
      ...(put.trigger === undefined ? {} : { trigger: `/_/${put.trigger}` }),
      ...(put.action === undefined ? {} : { action: `/guest/${put.action}` }),
    };
    const reply = await api.call("PUT", `${TREE}/rules/${name}?overwrite=${overwrite}`, { json });
    const old = model.rules.get(name);
    const next = { trigger: put.trigger ?? old?.trigger, action: put.action ?? old?.action };
    if (old !== undefined && !overwrite) {
      assert.equal(reply.status, 409);
      return;
    }
    const fault = faultOf(model, next);
    if (fault !== undefined) {
      assert.deepEqual([reply.status, reply.body.error], [400, fault]);
      return;
    }
    const { trigger: named = "", action: called = "" } = next;
    const status = old === undefined ? "active" : model.statusOf(name);
    if (old !== undefined) model.triggers.get(old.trigger)?.delete(name);
    model.triggers.get(named)?.set(name, { action: called, status });
    model.rules.set(name, { trigger: named, action: called });
    compareRule(reply, model, name);
  });
}

function faultOf(
  model: Model,
  next: { readonly trigger: string | undefined; readonly action: string | undefined },
): string | undefined {
  if (next.trigger === undefined || next.action === undefined)
    return "rule requires a valid trigger and a valid action";
  if (!model.triggers.has(next.trigger)) return `trigger /guest/${next.trigger} does not exist`;
  return model.actions.has(next.action) ? undefined : `action /guest/${next.action} does not exist`;
}

function removeRule({ name }: { name: string }): Operation {
  return operation(`delete rule ${name}`, async (api, model) => {
    const reply = await api.call("DELETE", `${TREE}/rules/${name}`);
    const old = model.rules.get(name);
    assert.deepEqual([reply.status, reply.body.status], old === undefined ? [404, undefined] : [200, "inactive"]);
    model.triggers.get(old?.trigger ?? "")?.delete(name);
    model.rules.delete(name);
  });
}

function setStatus({ name, status }: { name: string; status: Status }): Operation {
  return operation(`set ${name} ${status}`, async (api, model) => {
    const reply = await api.call("POST", `${TREE}/rules/${name}`, { json: { status } });
    const old = model.rules.get(name);
    if (old === undefined) {
      assert.equal(reply.status, 404);
      return;
    }
    if (model.statusOf(name) === status) {
      assert.equal(reply.status, 200);
      return;
    }
    const links = model.triggers.get(old.trigger);
    if (links === undefined) {
      assert.equal(reply.body.error, "Only rules with existing triggers can be activated");
      return;
    }
    assert.equal(reply.status, 200);
    links.set(name, { action: old.action, status });
  });
}

function fire({ name }: { name: string }): Operation {
  return operation(`fire ${name}`, async (api, model) => {
    const before = api.invocations.calls.length;
    const reply = await api.call("POST", `${TREE}/triggers/${name}`, { json: { n: 1 } });
    const called = api.invocations.calls.slice(before).map(({ action: { path } }) => path);
    const links = [...(model.triggers.get(name) ?? [])];
    const active = links.filter(([, { status }]) => status === "active");
    if (active.length === 0) {
      assert.deepEqual([reply.status, called], [model.triggers.has(name) ? 204 : 404, []]);
      return;
    }
    assert.equal(reply.status, 202);
    const expected = active.map(([, link]) => link.action).filter((path) => model.actions.has(path));
    assert.deepEqual(called.sort(), expected.sort());
    const record = await api.call("GET", `${TREE}/activations/${reply.body.activationId}`);
    const lines = record.body.logs.map((line: string) => JSON.parse(line)).map(comparable);
    assert.deepEqual(lines.sort(), links.map(([key, link]) => comparable(lineOf(model, key, link))).sort());
  });
}

function lineOf(
  model: Model,
  name: string,
  link: { readonly action: string; readonly status: Status },
): Record<string, unknown> {
  const [ruleName, actionName] = [`guest/${name}`, `guest/${link.action}`];
  const line = { rule: ruleName, action: actionName };
  if (link.status === "inactive") {
    const error = `Rule '${ruleName}' is inactive, action '${actionName}' was not activated.`;
    return { statusCode: 1, success: false, error, ...line };
  }
  if (model.actions.has(link.action)) return { statusCode: 0, success: true, ...line };
  return { statusCode: 1, success: false, error: "The requested resource does not exist.", ...line };
}

/** A line as one text; ids are nobody's to foresee. */
function comparable(line: Record<string, unknown>): string {
  const fields = Object.entries(line).filter(([key]) => key !== "activationId");
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Everything that can be read. */
async function look(api: Harness, model: Model): Promise<void> {
  for (const name of TRIGGERS) {
    const reply = await api.call("GET", `${TREE}/triggers/${name}`);
    if (model.triggers.has(name)) compareTrigger(reply, model, name);
    else assert.equal(reply.status, 404);
  }
  for (const name of RULES) {
    const reply = await api.call("GET", `${TREE}/rules/${name}`);
    if (model.rules.has(name)) compareRule(reply, model, name);
    else assert.equal(reply.status, 404);
  }
  const listed = await api.call("GET", `${TREE}/rules`);
  assert.deepEqual(listed.body.map((item: { name: string }) => item.name).sort(), [...model.rules.keys()].sort());
}

function compareTrigger(reply: Reply, model: Model, name: string): void {
  assert.equal(reply.status, 200);
  const rules = [...(model.triggers.get(name) ?? [])].map(([key, link]) => {
    return [`guest/${key}`, { action: { path: "guest", name: link.action }, status: link.status }] as const;
  });
  assert.deepEqual(reply.body.rules ?? {}, Object.fromEntries(rules));
}

function compareRule(reply: Reply, model: Model, name: string): void {
  const known = model.rules.get(name);
  const { status, trigger: from, action: to } = reply.body;
  assert.deepEqual(
    [reply.status, status, from, to],
    [200, model.statusOf(name), { path: "guest", name: known?.trigger }, { path: "guest", name: known?.action }],
  );
}

function operation(text: string, run: Operation["run"]): Operation {
  return { toString: () => text, run };
}

async function clear({ artifacts }: Stores): Promise<void> {
  for (const kind of KINDS) {
    for (const entity of await artifacts.list({ namespace: GUEST, kind, skip: 0, limit: 1000 })) {
      await artifacts.delete(entity, entity.revision);
    }
  }
}
