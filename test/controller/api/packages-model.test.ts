import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import { GUEST, type Harness, OTHER, recordOf, source, startApi } from "./harness.ts";

// The long run: SKEIN_MODEL_RUNS=2000 node --test test/controller/api/packages-model.test.ts
const RUNS = Number(process.env["SKEIN_MODEL_RUNS"] ?? 150);
const KEYS = { guest: GUEST, other: OTHER } as const;
const NAMESPACES = ["guest", "other"] as const;
// Packages and actions fight for the same names.
const NAMES = ["x", "y", "z"] as const;
const INNER = ["a", "b"] as const;

type Owner = (typeof NAMESPACES)[number];
/** Status, and the text of a refusal. */
type Outcome = readonly [number, string?];

interface Folder {
  readonly publish: boolean;
  readonly binding?: { readonly namespace: Owner; readonly name: string };
  /** The value of parameter `n`, where it has one. */
  readonly n: number | undefined;
  readonly patch: number;
}

interface Reached {
  readonly path: string;
  readonly n: number | undefined;
}

const MISSING = "The requested resource does not exist.";
const OTHER_COLLECTION = "Resource by this name exists but is not in this collection.";

/** OpenWhisk's rules, said once more and simply: by looking everything up, with no cache and no revision. */
class Model {
  readonly folders = new Map<string, Folder>();
  /** `namespace/[package/]name`, and the number that its code answers with. */
  readonly actions = new Map<string, number>();

  /** The package that `caller` reaches by that name, or how that ends. */
  reach(caller: Owner, namespace: Owner, name: string): Reached | Outcome {
    const path = `${namespace}/${name}`;
    const forbidden: Outcome = [403, `The supplied authentication is not authorized to access '${path}'.`];
    const folder = this.folders.get(path);
    if (caller !== namespace) {
      if (folder === undefined || !folder.publish || folder.binding !== undefined) return forbidden;
      return { path, n: folder.n };
    }
    if (folder === undefined) return this.actions.has(path) ? [409, OTHER_COLLECTION] : [404, MISSING];
    if (folder.binding === undefined) return { path, n: folder.n };
    const target = `${folder.binding.namespace}/${folder.binding.name}`;
    const provider = this.folders.get(target);
    if (folder.binding.namespace !== caller) {
      if (provider === undefined || !provider.publish || provider.binding !== undefined) return forbidden;
    } else if (provider === undefined) {
      return this.actions.has(target) ? [409, OTHER_COLLECTION] : [404, MISSING];
    } else if (provider.binding !== undefined) {
      return [400, "Cannot bind to another package binding."];
    }
    return { path: target, n: folder.n ?? provider.n };
  }

  inside(path: string): readonly string[] {
    return [...this.actions.keys()].filter((action) => action.startsWith(`${path}/`));
  }
}

interface Operation {
  readonly toString: () => string;
  /** Does it to both, and compares the answers. */
  readonly run: (api: Harness, model: Model) => Promise<void>;
}

interface Where {
  readonly caller: Owner;
  readonly namespace: Owner;
  readonly name: string;
}

const owner = fc.constantFrom(...NAMESPACES);
const name = fc.constantFrom(...NAMES);
// Mostly one's own: strangers are refused soon.
const own = owner.map((caller) => ({ caller, namespace: caller }));
const whose = fc.oneof(
  { weight: 4, arbitrary: own },
  { weight: 1, arbitrary: fc.record({ caller: owner, namespace: owner }) },
);
const where: fc.Arbitrary<Where> = fc.tuple(whose, name).map(([who, what]) => ({ ...who, name: what }));
const number = fc.integer({ min: 0, max: 9 });
const mostly = fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });
const inner = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...INNER) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });

const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        where,
        overwrite: mostly,
        publish: maybe(fc.boolean()),
        binding: maybe(fc.record({ namespace: owner, name }, { noNullPrototype: true })),
        n: maybe(number),
      })
      .map(putPackage),
  },
  { weight: 2, arbitrary: fc.record({ where, force: mostly }).map(removePackage) },
  {
    weight: 5,
    arbitrary: fc.record({ where, inner: inner, overwrite: mostly, code: number }).map(putAction),
  },
  { weight: 1, arbitrary: fc.record({ where, inner: inner }).map(removeAction) },
  { weight: 6, arbitrary: fc.record({ where, inner: inner }).map(invoke) },
  { weight: 3, arbitrary: where.map(readPackage) },
  { weight: 1, arbitrary: fc.record({ caller: owner, namespace: owner }).map(listPackages) },
);

test("any history of packages, bindings and their actions is answered as OpenWhisk's rules say", async () => {
  await using api = await startApi();
  api.invocations.answer = (request) => {
    const { action } = request;
    const parameters = Object.fromEntries(action.parameters.map(({ key, value }) => [key, value]));
    return {
      kind: "done",
      record: recordOf(request, { result: { ...parameters, path: `${action.namespace}/${action.path}` } }),
    };
  };
  const property = fc.asyncProperty(fc.array(operations, { maxLength: 50, size: "max" }), async (history) => {
    await clear(api);
    const model = new Model();
    for (const operation of beginning()) await operation.run(api, model);
    for (const operation of history) await operation.run(api, model);
    for (const caller of NAMESPACES) {
      for (const namespace of NAMESPACES) await listPackages({ caller, namespace }).run(api, model);
    }
  });
  await fc.assert(property, { numRuns: RUNS });
});

/** Most of what can happen takes a few steps to get there: a shared package, and a binding of it in either namespace. */
function beginning(): readonly Operation[] {
  const at = (caller: Owner, folder: string): Where => ({ caller, namespace: caller, name: folder });
  const fresh = { overwrite: false, publish: true, n: 0 };
  const binding = { namespace: "guest", name: "x" } as const;
  return [
    putPackage({ ...fresh, where: at("guest", "x"), binding: undefined }),
    putAction({ where: at("guest", "x"), inner: "a", overwrite: false, code: 0 }),
    putPackage({ ...fresh, where: at("guest", "y"), binding, n: undefined }),
    putPackage({ ...fresh, where: at("other", "y"), binding, n: undefined }),
    invoke({ where: at("guest", "y"), inner: "a" }),
    invoke({ where: at("other", "y"), inner: "a" }),
  ];
}

function putPackage(put: {
  where: Where;
  overwrite: boolean;
  publish: boolean | undefined;
  binding: Folder["binding"] | undefined;
  n: number | undefined;
}): Operation {
  return operation(`put package ${JSON.stringify(put)}`, async (api, model) => {
    const { where: at, overwrite, publish, binding, n } = put;
    const json = {
      ...(publish === undefined ? {} : { publish }),
      ...(binding === undefined ? {} : { binding }),
      ...(n === undefined ? {} : { parameters: [{ key: "n", value: n }] }),
    };
    const reply = await request(api, {
      ...at,
      method: "PUT",
      path: `packages/${at.name}?overwrite=${overwrite}`,
      json,
    });
    const refusal = refusalOfPut(model, put);
    if (refusal !== undefined) return compare(reply, refusal);
    const path = `${at.namespace}/${at.name}`;
    const old = model.folders.get(path);
    const bound = binding ?? old?.binding;
    const next: Folder = {
      publish: publish ?? old?.publish ?? false,
      n: n ?? old?.n,
      patch: (old?.patch ?? 0) + 1,
      ...(bound === undefined ? {} : { binding: bound }),
    };
    model.folders.set(path, next);
    compare(reply, [200]);
    assert.deepEqual(
      [reply.body.publish, reply.body.version, reply.body.binding],
      [next.publish, `0.0.${next.patch}`, bound ?? {}],
    );
  });
}

function refusalOfPut(
  model: Model,
  { where: { caller, namespace, name: named }, overwrite, binding }: Parameters<typeof putPackage>[0],
): Outcome | undefined {
  const path = `${namespace}/${named}`;
  if (caller !== namespace) return forbidden(path);
  if (binding !== undefined) {
    const reached = model.reach(caller, binding.namespace, binding.name);
    if (isOutcome(reached)) return asBinding(reached);
  }
  const old = model.folders.get(path);
  if (model.actions.has(path)) return [409, OTHER_COLLECTION];
  if (old !== undefined && !overwrite) return [409, "resource already exists"];
  if (binding === undefined) return undefined;
  if (old !== undefined && old.binding === undefined) {
    return [409, "Resource is a package and cannot be converted into a binding."];
  }
  const target = model.folders.get(`${binding.namespace}/${binding.name}`);
  return target?.binding === undefined ? undefined : [400, "Cannot bind to another package binding."];
}

function asBinding(outcome: Outcome): Outcome {
  if (outcome[0] === 404) return [400, "Binding references a package that does not exist."];
  return outcome[0] === 409 ? [409, "Cannot bind to a resource that is not a package."] : outcome;
}

function removePackage({ where: at, force }: { where: Where; force: boolean }): Operation {
  return operation(`delete package ${JSON.stringify(at)} ${force}`, async (api, model) => {
    const reply = await request(api, { ...at, method: "DELETE", path: `packages/${at.name}?force=${force}` });
    const path = `${at.namespace}/${at.name}`;
    if (at.caller !== at.namespace) return compare(reply, forbidden(path));
    const folder = model.folders.get(path);
    if (folder === undefined) return compare(reply, model.actions.has(path) ? [409, OTHER_COLLECTION] : [404, MISSING]);
    const inside = model.inside(path);
    if (inside.length > 0 && !force) {
      const count = `${inside.length} ${inside.length === 1 ? "entity" : "entities"}`;
      return compare(reply, [
        409,
        `Package not empty (contains ${count}). Set force param or delete package contents.`,
      ]);
    }
    for (const action of inside) model.actions.delete(action);
    model.folders.delete(path);
    compare(reply, [200]);
  });
}

function putAction(put: { where: Where; inner: string | undefined; overwrite: boolean; code: number }): Operation {
  return operation(`put action ${JSON.stringify(put)}`, async (api, model) => {
    const { where: at, inner, overwrite, code } = put;
    const path = `actions/${within(at.name, inner)}?overwrite=${overwrite}`;
    const json = { ...source(String(code)), parameters: [{ key: "code", value: code }] };
    const reply = await request(api, { ...at, method: "PUT", path, json });
    const full = `${at.namespace}/${within(at.name, inner)}`;
    const refusal = refusalOfChange(model, at, inner);
    if (refusal !== undefined) return compare(reply, refusal);
    if (model.folders.has(full)) return compare(reply, [409, OTHER_COLLECTION]);
    if (model.actions.has(full) && !overwrite) return compare(reply, [409, "resource already exists"]);
    model.actions.set(full, code);
    compare(reply, [200]);
  });
}

function removeAction({ where: at, inner }: { where: Where; inner: string | undefined }): Operation {
  return operation(`delete action ${JSON.stringify(at)} ${inner}`, async (api, model) => {
    const reply = await request(api, { ...at, method: "DELETE", path: `actions/${within(at.name, inner)}` });
    const full = `${at.namespace}/${within(at.name, inner)}`;
    const refusal = refusalOfChange(model, at, inner);
    if (refusal !== undefined) return compare(reply, refusal);
    if (model.folders.has(full)) return compare(reply, [409, OTHER_COLLECTION]);
    compare(reply, model.actions.delete(full) ? [200] : [404, MISSING]);
  });
}

/** What keeps anybody from writing an action there, whatever is there. */
function refusalOfChange(
  model: Model,
  { caller, namespace, name: named }: Where,
  inner: string | undefined,
): Outcome | undefined {
  if (caller !== namespace) return forbidden(`${namespace}/${within(named, inner)}`);
  if (inner === undefined) return undefined;
  const folder = model.folders.get(`${namespace}/${named}`);
  if (folder === undefined)
    return model.actions.has(`${namespace}/${named}`) ? [409, OTHER_COLLECTION] : [404, MISSING];
  return folder.binding === undefined ? undefined : [400, "Operation not permitted on package binding."];
}

function invoke({ where: at, inner }: { where: Where; inner: string | undefined }): Operation {
  return operation(`invoke ${JSON.stringify(at)} ${inner}`, async (api, model) => {
    const path = `actions/${within(at.name, inner)}`;
    const reply = await request(api, { ...at, method: "POST", path: `${path}?blocking=true&result=true` });
    const get = await request(api, { ...at, method: "GET", path });
    const full = `${at.namespace}/${within(at.name, inner)}`;
    if (inner === undefined) {
      const refusal = refusalOfTop(model, at, full);
      for (const answer of [reply, get]) compare(answer, refusal ?? [200]);
      return;
    }
    const reached = model.reach(at.caller, at.namespace, at.name);
    if (isOutcome(reached)) {
      for (const answer of [reply, get]) compare(answer, reached);
      return;
    }
    const code = model.actions.get(`${reached.path}/${inner}`);
    for (const answer of [reply, get]) compare(answer, code === undefined ? [404, MISSING] : [200]);
    if (code === undefined) return;
    const n = reached.n === undefined ? {} : { n: reached.n };
    assert.deepEqual(reply.body, { ...n, code, path: `${reached.path}/${inner}` });
    assert.equal(get.body.exec.code, String(code));
  });
}

function refusalOfTop(model: Model, { caller, namespace }: Where, full: string): Outcome | undefined {
  if (caller !== namespace) return forbidden(full);
  if (model.folders.has(full)) return [409, OTHER_COLLECTION];
  return model.actions.has(full) ? undefined : [404, MISSING];
}

function readPackage(at: Where): Operation {
  return operation(`read package ${JSON.stringify(at)}`, async (api, model) => {
    const reply = await request(api, { ...at, method: "GET", path: `packages/${at.name}` });
    const list = await request(api, { ...at, method: "GET", path: `actions/${at.name}/` });
    const reached = model.reach(at.caller, at.namespace, at.name);
    if (isOutcome(reached)) {
      compare(list, reached);
      const missing = `The requested resource '${at.namespace}/${at.name}' does not exist.`;
      compare(reply, reached[0] === 404 ? [404, missing] : reached);
      return;
    }
    compare(reply, [200]);
    const names = model.inside(reached.path).map((path) => path.slice(path.lastIndexOf("/") + 1));
    for (const items of [reply.body.actions, list.body]) {
      assert.deepEqual(items.map((item: { name: string }) => item.name).sort(), names.sort());
    }
    const n = reached.n === undefined ? [] : [{ key: "n", value: reached.n }];
    assert.deepEqual(reply.body.parameters, n);
  });
}

function listPackages({ caller, namespace }: { caller: Owner; namespace: Owner }): Operation {
  return operation(`list ${namespace} as ${caller}`, async (api, model) => {
    const reply = await request(api, { caller, namespace, method: "GET", path: "packages" });
    const shown = [...model.folders]
      .filter(([path]) => path.startsWith(`${namespace}/`))
      .filter(([, folder]) => caller === namespace || (folder.publish && folder.binding === undefined))
      .map(([path, { binding }]) => [path, binding ?? false]);
    const listed = reply.body.map((item: { namespace: string; name: string; binding: unknown }) => [
      `${item.namespace}/${item.name}`,
      item.binding,
    ]);
    assert.deepEqual(new Map(listed), new Map(shown as [string, unknown][]));
  });
}

function operation(text: string, run: Operation["run"]): Operation {
  return { toString: () => text, run };
}

function request(
  api: Harness,
  {
    caller,
    namespace,
    method,
    path,
    json,
  }: { caller: Owner; namespace: Owner; method: string; path: string; json?: object },
): ReturnType<Harness["call"]> {
  const options = json === undefined ? {} : { json };
  return api.call(method, `/api/v1/namespaces/${namespace}/${path}`, { auth: KEYS[caller], ...options });
}

function compare(
  reply: { readonly status: number; readonly body: { readonly error?: string } },
  [status, text]: Outcome,
): void {
  assert.deepEqual([reply.status, status < 400 ? undefined : reply.body.error], [status, text]);
}

function within(folder: string, inner: string | undefined): string {
  return inner === undefined ? folder : `${folder}/${inner}`;
}

function forbidden(resource: string): Outcome {
  return [403, `The supplied authentication is not authorized to access '${resource}'.`];
}

function isOutcome(value: Reached | Outcome): value is Outcome {
  return Array.isArray(value);
}

/** Empties both namespaces, through the API, so that the caches hear of it. */
async function clear(api: Harness): Promise<void> {
  for (const caller of NAMESPACES) {
    const namespace = asId<Namespace>(caller);
    for (const kind of ["action", "package"] as const) {
      const entities = await api.stores.artifacts.list({ namespace, kind, skip: 0, limit: 200 });
      // Actions first, so that packages are empty then.
      for (const { path } of entities) {
        const reply = await request(api, { caller, namespace: caller, method: "DELETE", path: `${kind}s/${path}` });
        assert.equal(reply.status, 200);
      }
    }
  }
}
