import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalInvocations } from "../../../src/controller/invocation/invocations.ts";
import type { InvokeRequest } from "../../../src/controller/invocation/port.ts";
import type { StatusCode } from "../../../src/kernel/activation.ts";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { asId, type Incarnation, type Namespace } from "../../../src/kernel/ids.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions, type InvocationOptions } from "../../../src/kernel/options/options.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import { actionOf, identityOf, outcomeOf } from "../../support/messages.ts";
import { ScriptedInvoker } from "../../support/scripted-invoker.ts";

const GUEST = asId<Namespace>("guest");
const BLOCKING = { waitMs: 60_000 };
/** Success, application error, developer error, whisk error. */
const ENDS: readonly StatusCode[] = [0, 1, 2, 3];

/** The ends that leave a record. */
async function kept(options: Partial<InvocationOptions>, request: Partial<InvokeRequest> = {}): Promise<StatusCode[]> {
  const clock = new ManualClock();
  const { activations } = memoryStores({ clock });
  const invoker = new ScriptedInvoker();
  const invocations = new LocalInvocations({
    options: { ...defaultOptions().invocation, ...options },
    invoker,
    activations,
    me: asId<Incarnation>("me"),
    clock,
    random: seededRandom("storing"),
    log: silentLog,
  });
  const ids = [];
  for (const statusCode of ENDS) {
    const call = { identity: identityOf(), action: actionOf(), payload: {}, transactionId: asId<never>("tid") };
    const answered = invocations.invoke({ ...call, ...request });
    const { message, events } = await invoker.next();
    await events.beforeRun();
    events.onComplete({ ...outcomeOf({}), response: { statusCode, result: {} } }, []);
    await answered;
    ids.push(message.activationId);
  }
  assert.ok(await invocations.close(5000), "all is stored or dropped");
  const stored = await Promise.all(ids.map((id) => activations.get(GUEST, id)));
  assert.deepEqual(await activations.unfinished(undefined, 10), [], "nothing is left in the journal");
  return ENDS.filter((_, at) => stored[at]?.kind === "final");
}

test("every record is kept unless something else is said", async () => {
  assert.deepEqual(await kept({}), [0, 1, 2, 3]);
  assert.deepEqual(await kept({}, BLOCKING), [0, 1, 2, 3]);
});

test("levels say which ends leave a record, for blocking calls and for promised ones apart", async () => {
  const options = { storeBlocking: "failures", storeNonBlocking: "failures-not-application-errors" } as const;
  assert.deepEqual(await kept(options, BLOCKING), [1, 2, 3]);
  assert.deepEqual(await kept(options), [2, 3]);
});

test("whoever asks for extra logging gets a record; a namespace that keeps none gets none", async () => {
  const options = { storeBlocking: "failures", storeNonBlocking: "failures" } as const;
  assert.deepEqual(await kept(options, { storedAlways: true }), [0, 1, 2, 3]);
  assert.deepEqual(await kept(options, { ...BLOCKING, storedAlways: true }), [0, 1, 2, 3]);
  const none = { identity: identityOf({ storeActivations: false }) };
  assert.deepEqual(await kept({}, none), []);
  assert.deepEqual(await kept({}, { ...none, storedAlways: true }), []);
});
