import assert from "node:assert/strict";
import * as fc from "fast-check";
import { InvariantError } from "../../src/kernel/errors.ts";
import { asId, type Revision } from "../../src/kernel/ids.ts";
import type {
  ArtifactStore,
  Entity,
  EntityKind,
  EntityQuery,
  EntityWrite,
  WriteResult,
} from "../../src/store/ports.ts";
import { type Claim, entityOf, guest, other, pathOf, subjectOf, T0 } from "./stores-support.ts";

const actions = { namespace: guest, kind: "action", skip: 0, limit: 100 } as const;

/** What every store of entities and subjects must do. */
export function claimDocuments(claim: Claim): void {
  claimEntities(claim);
  claimEntityLists(claim);
  claimSubjects(claim);
  claimModel(claim);
}

function claimEntities(claim: Claim): void {
  claim("an entity is got back as it was put, with its revision", async ({ stores: { artifacts } }) => {
    const write = entityOf("pkg/hello", { body: { deep: [1, { a: null, b: "ü" }] } });
    const put = await artifacts.put(write, "absent");
    assert.ok(put.kind === "ok");
    assert.deepEqual(await artifacts.get(write), { ...write, revision: put.revision });
    assert.equal(await artifacts.get({ namespace: other, path: write.path }), undefined);
  });

  claim("a put that expects none conflicts with what is there, and shows it", async ({ stores: { artifacts } }) => {
    const first = await artifacts.put(entityOf("hello"), "absent");
    assert.ok(first.kind === "ok");
    const second = await artifacts.put(entityOf("hello", { kind: "trigger" }), "absent");
    assert.deepEqual(second, { kind: "conflict", current: { ...entityOf("hello"), revision: first.revision } });
    assert.equal((await artifacts.get(entityOf("hello")))?.kind, "action");
  });

  claim("a put or delete with a wrong revision conflicts and changes nothing", async ({ stores: { artifacts } }) => {
    const wrong = asId<Revision>("no-such-revision");
    assert.deepEqual(await artifacts.put(entityOf("hello"), wrong), { kind: "conflict" });
    assert.deepEqual(await artifacts.delete(entityOf("hello"), wrong), { kind: "conflict" });
    await artifacts.put(entityOf("hello"), "absent");
    assert.equal((await artifacts.put(entityOf("hello", { updated: 1 }), wrong)).kind, "conflict");
    assert.equal((await artifacts.delete(entityOf("hello"), wrong)).kind, "conflict");
    assert.equal((await artifacts.get(entityOf("hello")))?.updated, T0);
  });

  claim("a revision is never used twice, not even by an entity made again", async ({ stores: { artifacts } }) => {
    const revisions = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const put = await artifacts.put(entityOf("hello"), "absent");
      assert.ok(put.kind === "ok");
      const changed = await artifacts.put(entityOf("hello"), put.revision);
      assert.ok(changed.kind === "ok");
      const gone = await artifacts.delete(entityOf("hello"), changed.revision);
      assert.ok(gone.kind === "ok");
      for (const { revision } of [put, changed, gone]) revisions.add(revision);
    }
    assert.equal(revisions.size, 9);
    assert.equal(await artifacts.get(entityOf("hello")), undefined);
  });

  claim("concurrent writers with optimistic revisions lose no update", async ({ stores: { artifacts } }) => {
    await artifacts.put(entityOf("counter", { body: { n: 0 } }), "absent");
    async function increment(): Promise<void> {
      for (;;) {
        const current = await artifacts.get(entityOf("counter"));
        assert.ok(current);
        const body = { n: Number(current.body["n"]) + 1 };
        if ((await artifacts.put(entityOf("counter", { body }), current.revision)).kind === "ok") return;
      }
    }
    await Promise.all(Array.from({ length: 8 }, increment));
    assert.deepEqual((await artifacts.get(entityOf("counter")))?.body, { n: 8 });
  });

  claim("of writers that create the same entity at once one wins", async ({ stores: { artifacts } }) => {
    const puts = Array.from({ length: 10 }, (_, n) => artifacts.put(entityOf("hello", { body: { n } }), "absent"));
    const results = await Promise.all(puts);
    assert.equal(results.filter((result) => result.kind === "ok").length, 1);
    const winner = results.findIndex((result) => result.kind === "ok");
    assert.deepEqual((await artifacts.get(entityOf("hello")))?.body, { n: winner });
  });
}

function claimEntityLists(claim: Claim): void {
  claim("entities are listed newest first, equal ones by path, by kind", async ({ stores: { artifacts } }) => {
    await artifacts.put(entityOf("b", { updated: T0 + 1 }), "absent");
    await artifacts.put(entityOf("a", { updated: T0 + 1 }), "absent");
    await artifacts.put(entityOf("c", { updated: T0 + 2 }), "absent");
    await artifacts.put(entityOf("t", { kind: "trigger" }), "absent");
    await artifacts.put(entityOf("a", { namespace: other }), "absent");
    assert.deepEqual(await paths(artifacts, actions), ["c", "a", "b"]);
    assert.deepEqual(await paths(artifacts, { ...actions, kind: "trigger" }), ["t"]);
    assert.deepEqual(await paths(artifacts, { ...actions, skip: 1, limit: 1 }), ["a"]);
    assert.deepEqual(await paths(artifacts, { ...actions, skip: 3 }), []);
    assert.deepEqual(await paths(artifacts, { ...actions, limit: 0 }), []);
    assert.equal(await artifacts.count({ namespace: guest, kind: "action", skip: 1 }), 2);
    assert.equal(await artifacts.count({ namespace: guest, kind: "action", skip: 7 }), 0);
  });

  claim("a package's entities are listed without their neighbours", async ({ stores: { artifacts } }) => {
    for (const path of ["pkg/a", "pkg/b", "pkg2/a", "pkg"]) await artifacts.put(entityOf(path), "absent");
    assert.deepEqual(await paths(artifacts, { ...actions, package: "pkg" }), ["pkg/a", "pkg/b"]);
    assert.equal(await artifacts.count({ namespace: guest, kind: "action", package: "pkg", skip: 0 }), 2);
    assert.equal(await artifacts.count({ namespace: guest, kind: "action", skip: 0 }), 4);
  });

  claim("what is linked to a path is listed alone, newest first, equal ones by path", async ({ stores }) => {
    const { artifacts } = stores;
    const rules = { namespace: guest, kind: "rule", skip: 0, limit: 100 } as const;
    const link = pathOf("tick");
    await artifacts.put(entityOf("b", { kind: "rule", link, updated: T0 + 1 }), "absent");
    await artifacts.put(entityOf("a", { kind: "rule", link, updated: T0 + 1 }), "absent");
    await artifacts.put(entityOf("pkg/c", { kind: "rule", link, updated: T0 + 2 }), "absent");
    await artifacts.put(entityOf("unlinked", { kind: "rule" }), "absent");
    await artifacts.put(entityOf("elsewhere", { kind: "rule", link: pathOf("tick2") }), "absent");
    await artifacts.put(entityOf("alarm", { kind: "alarm", link }), "absent");
    await artifacts.put(entityOf("tick", { kind: "trigger" }), "absent");
    await artifacts.put(entityOf("a", { namespace: other, kind: "rule", link }), "absent");
    assert.deepEqual(await paths(artifacts, { ...rules, link }), ["pkg/c", "a", "b"]);
    assert.deepEqual(await paths(artifacts, { ...rules, link, skip: 1, limit: 1 }), ["a"]);
    assert.deepEqual(await paths(artifacts, { ...rules, link, skip: 3 }), []);
    assert.deepEqual(await paths(artifacts, { ...rules, link: pathOf("nothing") }), []);
    assert.deepEqual(await paths(artifacts, { ...rules, kind: "alarm", link }), ["alarm"]);
    assert.deepEqual(await paths(artifacts, { ...rules, namespace: other, link }), ["a"]);
    assert.equal((await paths(artifacts, rules)).length, 5);
    assert.equal(await artifacts.count({ ...rules, link }), 3);
    assert.equal(await artifacts.count({ ...rules, link, skip: 2 }), 1);
    assert.equal(await artifacts.count({ ...rules, link, skip: 7 }), 0);
    assert.equal(await artifacts.count(rules), 5);
  });

  claim("a link is what the last write said, and absent where it said none", async ({ stores: { artifacts } }) => {
    const rules = { namespace: guest, kind: "rule", skip: 0, limit: 100 } as const;
    const [tick, tock] = [pathOf("tick"), pathOf("tock")];
    const write = entityOf("rule", { kind: "rule" });
    const linksOf = async () => [
      await paths(artifacts, { ...rules, link: tick }),
      await paths(artifacts, { ...rules, link: tock }),
    ];
    let expected: Revision | "absent" = "absent";
    for (const [link, listed] of [
      [undefined, [[], []]],
      [tick, [["rule"], []]],
      [tock, [[], ["rule"]]],
      [undefined, [[], []]],
      [tick, [["rule"], []]],
    ] as const) {
      const linked: EntityWrite = link === undefined ? write : { ...write, link };
      const put: WriteResult<Entity> = await artifacts.put(linked, expected);
      assert.ok(put.kind === "ok");
      expected = put.revision;
      const entity = { ...linked, revision: put.revision };
      assert.deepEqual(await artifacts.get(write), entity);
      assert.deepEqual(await artifacts.list(rules), [entity]);
      assert.deepEqual(await linksOf(), listed);
      assert.deepEqual(await artifacts.put(linked, "absent"), { kind: "conflict", current: entity });
    }
    assert.equal((await artifacts.delete(write, asId(expected))).kind, "ok");
    assert.deepEqual(await linksOf(), [[], []]);
  });

  claim("a list by package and by link at once is refused", async ({ stores: { artifacts } }) => {
    const both = { ...actions, package: "pkg", link: pathOf("tick") };
    await assert.rejects(artifacts.list(both), InvariantError);
    await assert.rejects(artifacts.count(both), InvariantError);
  });

  claim("an update moves an entity to the front of its list", async ({ stores: { artifacts } }) => {
    await artifacts.put(entityOf("a", { updated: T0 }), "absent");
    await artifacts.put(entityOf("b", { updated: T0 + 1 }), "absent");
    const a = await artifacts.get(entityOf("a"));
    assert.ok(a);
    await artifacts.put(entityOf("a", { updated: T0 + 2 }), a.revision);
    assert.deepEqual(await paths(artifacts, actions), ["a", "b"]);
  });
}

function claimSubjects(claim: Claim): void {
  claim("a subject is found by name, by uuid and by namespace", async ({ stores: { subjects } }) => {
    const put = await subjects.put(subjectOf("ann", "ann", "team"), "absent");
    assert.ok(put.kind === "ok");
    const ann = { ...subjectOf("ann", "ann", "team"), revision: put.revision };
    assert.deepEqual(await subjects.get("ann"), ann);
    assert.deepEqual(await subjects.byUuid("uuid-of-team"), ann);
    assert.deepEqual(await subjects.byNamespace(asId("team")), ann);
    assert.equal(await subjects.byUuid("uuid-of-nobody"), undefined);
    assert.equal(await subjects.byNamespace(asId("nobody")), undefined);
    assert.equal(await subjects.get("nobody"), undefined);
  });

  claim("a uuid or namespace of another subject is a conflict that shows it", async ({ stores: { subjects } }) => {
    await subjects.put(subjectOf("ann"), "absent");
    const { namespaces } = subjectOf("ann");
    const sameName = { ...subjectOf("eve"), namespaces: namespaces.map((ns) => ({ ...ns, uuid: "fresh" })) };
    const sameUuid = {
      ...subjectOf("eve"),
      namespaces: namespaces.map((ns) => ({ ...ns, name: asId<typeof guest>("fresh") })),
    };
    for (const eve of [sameName, sameUuid]) {
      const result = await subjects.put(eve, "absent");
      assert.equal(result.kind === "conflict" && result.current?.subject, "ann");
    }
    assert.equal(await subjects.get("eve"), undefined);
    assert.equal(await subjects.byUuid("fresh"), undefined);
  });

  claim("what a subject gives up, by update or delete, another may take", async ({ stores: { subjects } }) => {
    const ann = await subjects.put(subjectOf("ann", "one", "two"), "absent");
    assert.ok(ann.kind === "ok");
    const less = await subjects.put(subjectOf("ann", "one"), ann.revision);
    assert.ok(less.kind === "ok");
    assert.equal((await subjects.put(subjectOf("eve", "two"), "absent")).kind, "ok");
    assert.equal((await subjects.delete("ann", ann.revision)).kind, "conflict");
    assert.equal((await subjects.delete("ann", less.revision)).kind, "ok");
    assert.equal(await subjects.byNamespace(asId("one")), undefined);
    assert.equal((await subjects.put(subjectOf("bea", "one"), "absent")).kind, "ok");
    assert.equal((await subjects.byUuid("uuid-of-one"))?.subject, "bea");
  });

  claim("a subject is written once at its revision", async ({ stores: { subjects } }) => {
    const put = await subjects.put(subjectOf("ann"), "absent");
    assert.ok(put.kind === "ok");
    assert.equal((await subjects.put(subjectOf("ann"), "absent")).kind, "conflict");
    const results = await Promise.all(
      [true, false].map((blocked) => subjects.put({ ...subjectOf("ann"), blocked }, put.revision)),
    );
    assert.deepEqual(results.map((result) => result.kind).sort(), ["conflict", "ok"]);
    assert.deepEqual(await subjects.delete("nobody", put.revision), { kind: "conflict" });
  });

  claim("what was set for a namespace comes back as written, and absent where nothing was", async ({ stores }) => {
    const { subjects } = stores;
    const bare = subjectOf("ann", "ann", "team");
    const limits = { invocationsPerMinute: 0, storeActivations: false, allowedKinds: ["nodejs:24"], deep: { a: null } };
    const namespaces = bare.namespaces.map((ns) => (ns.name === "team" ? { ...ns, limits } : ns));
    const put = await subjects.put({ ...bare, namespaces }, "absent");
    assert.ok(put.kind === "ok");
    const ann = { ...bare, namespaces, revision: put.revision };
    assert.deepEqual(await subjects.get("ann"), ann);
    assert.deepEqual(await subjects.byUuid("uuid-of-team"), ann);
    assert.deepEqual(await subjects.byNamespace(asId("ann")), ann);
    assert.deepEqual(await subjects.list(undefined, 10), [ann]);
    const cleared = await subjects.put(bare, put.revision);
    assert.ok(cleared.kind === "ok");
    assert.deepEqual(await subjects.get("ann"), { ...bare, revision: cleared.revision });
  });

  claim("subjects are listed by name, after the one named", async ({ stores: { subjects } }) => {
    for (const name of ["c", "a", "d", "b"]) await subjects.put(subjectOf(name), "absent");
    const names = async (after: string | undefined, limit: number) =>
      (await subjects.list(after, limit)).map((subject) => subject.subject);
    assert.deepEqual(await names(undefined, 3), ["a", "b", "c"]);
    assert.deepEqual(await names("c", 3), ["d"]);
    assert.deepEqual(await names("d", 3), []);
  });
}

type Step =
  | {
      readonly kind: "put";
      readonly path: string;
      readonly updated: number;
      readonly as: EntityKind;
      readonly link: string | undefined;
      readonly stale: boolean;
    }
  | { readonly kind: "delete"; readonly path: string; readonly stale: boolean };

function claimModel(claim: Claim): void {
  const path = fc.constantFrom("a", "b", "pkg/a", "pkg/b", "pkg2/a");
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant("put" as const),
      path,
      updated: fc.integer({ min: 0, max: 3 }),
      as: fc.constantFrom<EntityKind>("action", "trigger"),
      link: fc.constantFrom(undefined, "x", "y"),
      stale: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("delete" as const), path, stale: fc.boolean() }),
  );

  claim("any run of writes leaves what a map would hold", async ({ stores: { artifacts } }) => {
    const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
    console.log(`SEED=${seed}`);
    let run = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      // A namespace of its own for each run: opening stores anew would take most of the time.
      const namespace = asId<typeof guest>(`run-${(run += 1)}`);
      const model = new Map<string, Entity>();
      for (const each of steps) await applyStep(artifacts, model, { ...each, namespace });
      for (const kind of ["action", "trigger"] as const) {
        for (const filter of [{}, { package: "pkg" }, { link: pathOf("x") }]) {
          const query = { namespace, kind, ...filter, skip: 0, limit: 100 };
          const expected = [...model.values()].filter((entity) => isAskedFor(entity, query)).sort(inListOrder);
          assert.deepEqual(await artifacts.list(query), expected);
          assert.equal(await artifacts.count(query), expected.length);
        }
      }
    });
    await fc.assert(property, { seed, numRuns: 60 });
  });
}

async function applyStep(
  artifacts: ArtifactStore,
  model: Map<string, Entity>,
  step: Step & { readonly namespace: typeof guest },
): Promise<void> {
  const current = model.get(step.path);
  const right = current?.revision ?? "absent";
  const expected = step.stale ? asId<Revision>("stale") : right;
  const id = { namespace: step.namespace, path: pathOf(step.path) };
  if (step.kind === "delete") {
    const revision = expected === "absent" ? asId<Revision>("absent") : expected;
    const result = await artifacts.delete(id, revision);
    assert.equal(result.kind, current !== undefined && !step.stale ? "ok" : "conflict");
    if (result.kind === "ok") model.delete(step.path);
    else assert.deepEqual(result.current, current);
    return;
  }
  const link = step.link === undefined ? {} : { link: pathOf(step.link) };
  const write: EntityWrite = entityOf(step.path, { ...id, kind: step.as, updated: step.updated, ...link });
  const result = await artifacts.put(write, expected);
  assert.equal(result.kind, step.stale ? "conflict" : "ok");
  if (result.kind === "ok") model.set(step.path, { ...write, revision: result.revision });
  else assert.deepEqual(result.current, current);
  assert.deepEqual(await artifacts.get(id), model.get(step.path));
}

function isAskedFor(entity: Entity, query: EntityQuery): boolean {
  if (entity.kind !== query.kind) return false;
  if (query.package !== undefined) return entity.path.startsWith(`${query.package}/`);
  return query.link === undefined || entity.link === query.link;
}

function inListOrder(a: Entity, b: Entity): number {
  return b.updated - a.updated || (a.path < b.path ? -1 : 1);
}

async function paths(artifacts: ArtifactStore, query: EntityQuery): Promise<string[]> {
  return (await artifacts.list(query)).map((entity) => entity.path);
}
