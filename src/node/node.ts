import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { installCatalog } from "../catalog/install.ts";
import { createController } from "../controller/controller.ts";
import { namespaceLimits } from "../controller/entitlement/limits.ts";
import { KeyFiles } from "../controller/entitlement/key-files.ts";
import { ensureDefaultSubjects } from "../controller/entitlement/subjects.ts";
import { LocalInvocations } from "../controller/invocation/invocations.ts";
import { recoverJournal } from "../controller/invocation/recovery.ts";
import { meteredStores } from "../controller/metrics/metered-stores.ts";
import { Metrics } from "../controller/metrics/metrics.ts";
import { Invoker } from "../invoker/invoker.ts";
import { type Clock, systemClock } from "../kernel/clock.ts";
import { PlatformError } from "../kernel/errors.ts";
import { asId, type CodeDigest, type Incarnation } from "../kernel/ids.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Log } from "../kernel/log.ts";
import type { SkeinOptions } from "../kernel/options/options.ts";
import { type Random, seededRandom } from "../kernel/random.ts";
import { openSqliteStores } from "../store/sqlite/open.ts";
import type { Stores } from "../store/ports.ts";
import { type Containers, openContainers } from "./containers.ts";
import { holdDataFolder } from "./data-folder.ts";
import { localFleet } from "./fleet.ts";
import { Housekeeping } from "./housekeeping.ts";
import { packageVersion } from "./version.ts";

/** A node that takes requests. */
export interface RunningNode {
  /** Where it listens, e.g. `http://127.0.0.1:3233`. */
  readonly url: string;
  /** Files that hold `uuid:key` of the two first namespaces; of guest only while there is one. */
  readonly keyFiles: { readonly guest?: string; readonly system: string };
  /** Stops intake, drains for `server.shutdownMs`, then cuts. Resolves when all is closed; true when nothing was cut. Idempotent. */
  stop(reason: string): Promise<boolean>;
}

/** What every role of this process is given. */
interface Ground {
  readonly options: SkeinOptions;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly me: Incarnation;
}

/**
 * Starts a complete platform in this process: store, invoker, controller, in the order in which they need each other. What was
 * started is stopped again when a later part fails.
 *
 * @throws `data/in-use`, `data/unusable`, `store/version`, `server/address`, `server/insecure`
 */
export async function startNode(options: SkeinOptions, deps: { readonly log: Log }): Promise<RunningNode> {
  const incarnation = randomBytes(16).toString("hex");
  const ground: Ground = {
    options,
    log: deps.log,
    clock: systemClock,
    random: seededRandom(incarnation),
    me: asId<Incarnation>(incarnation),
  };
  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await start(ground, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function start(ground: Ground, undo: (() => Promise<void> | void)[]): Promise<RunningNode> {
  const { options, log, clock, random, me } = ground;
  const folder = holdDataFolder(options.data.dir);
  undo.push(() => folder.release());
  const metrics = new Metrics();
  const opened = await openSqliteStores({ dir: folder.dir, options: options.store, clock, log });
  const stores = meteredStores(opened, { metrics, clock });
  undo.push(() => stores.close());
  const keys = await ensureDefaultSubjects({ subjects: stores.subjects, options, log });
  let url = "";
  const containers = await openContainers(options, { clock, log });
  const invoker = makeInvoker(ground, { stores, containers, apiHost: () => options.server.apiHost ?? url });
  undo.push(() => invoker.close(clock.now()));
  const invocations = new LocalInvocations({
    options: options.invocation,
    invoker,
    activations: stores.activations,
    me,
    clock,
    random: random.stream("invocation"),
    log,
  });
  const status = (): JsonObject => ({ incarnation: me, inFlight: invocations.size, invoker: { ...invoker.status() } });
  const version = packageVersion();
  metrics.watchProcess(version);
  const controller = createController({
    options,
    stores,
    keyFiles: new KeyFiles(options.data.dir),
    invocations,
    runtimes: containers.runtimes,
    status,
    fleet: localFleet(invoker, invocations),
    metrics,
    me,
    clock,
    random: random.stream("compositions"),
    log,
    version,
  });
  const { concurrentInvocations } = namespaceLimits(options.limits);
  const bounds = { ...options.limits.action, instancesMax: concurrentInvocations };
  await installCatalog({ entities: controller.entities, bounds, log });
  ({ url } = await controller.listen({ ...options.server, ...tlsOf(options) }));
  undo.push(() => controller.close());
  // After listening, since containers are told the address: with port 0 it is known only now.
  await invoker.start();
  const housekeeping = new Housekeeping({ stores, options: options.store.retention, clock, log });
  housekeeping.start();
  const stopping = new AbortController();
  const recovering = recoverJournal(
    {
      activations: stores.activations,
      invocations,
      compositions: controller.compositions,
      me,
      page: options.invocation.recoveryPage,
      random: random.stream("recovery"),
      log,
    },
    stopping.signal,
  ).catch((error: unknown) =>
    log.error({ err: error }, "the journal could not be read to its end; a restart tries again"),
  );

  let stopped: Promise<boolean> | undefined;
  /** Callers first, then running work, then what stores it. */
  async function stop(reason: string): Promise<boolean> {
    log.info({ reason, inFlight: invocations.size }, "stopping");
    stopping.abort();
    const { shutdownMs } = options.server;
    const [drained] = await Promise.all([invocations.close(shutdownMs), controller.close(), recovering]);
    await Promise.all([invoker.close(clock.now()), housekeeping.stop()]);
    await stores.close();
    folder.release();
    log.info({ drained }, "stopped");
    return drained;
  }
  return {
    url,
    keyFiles: { ...(keys.guest === undefined ? {} : { guest: keys.guest.file }), system: keys.system.file },
    stop: (reason) => (stopped ??= stop(reason)),
  };
}

function makeInvoker(
  { options, log, clock }: Ground,
  parts: { readonly stores: Stores; readonly containers: Containers; readonly apiHost: () => string },
): Invoker {
  const { stores, containers, apiHost } = parts;
  const { resultBytesMax } = options.invocation;
  const readCode = (digest: CodeDigest): Promise<Uint8Array | undefined> => stores.attachments.get(digest);
  const { factory, invoker } = containers;
  return new Invoker({ options: invoker, resultBytesMax, factory, readCode, apiHost, clock, log });
}

function tlsOf({ server }: SkeinOptions): { readonly tls?: { readonly cert: string; readonly key: string } } {
  if (server.tlsCert === undefined || server.tlsKey === undefined) return {};
  try {
    return { tls: { cert: readFileSync(server.tlsCert, "utf8"), key: readFileSync(server.tlsKey, "utf8") } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PlatformError("options/invalid", `the TLS files cannot be read: ${why}`, { cause: error });
  }
}
