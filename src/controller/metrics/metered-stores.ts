import type { Clock } from "../../kernel/clock.ts";
import type { ActivationStore, ArtifactStore, Stores, SubjectStore } from "../../store/ports.ts";
import type { Metrics } from "./metrics.ts";

/** The same stores, with what is written to them counted, and what somebody waits for timed. Reads go straight through. */
export function meteredStores(stores: Stores, deps: { readonly metrics: Metrics; readonly clock: Clock }): Stores {
  const meter = new Meter(deps);
  const { changes, attachments } = stores;
  return {
    activations: meteredActivations(stores.activations, meter),
    artifacts: meteredArtifacts(stores.artifacts, meter),
    subjects: meteredSubjects(stores.subjects, meter),
    attachments,
    changes,
    close: () => stores.close(),
  };
}

class Meter {
  readonly metrics: Metrics;
  readonly #clock: Clock;

  constructor({ metrics, clock }: { readonly metrics: Metrics; readonly clock: Clock }) {
    this.metrics = metrics;
    this.#clock = clock;
  }

  /** A promise that a caller waits for. */
  promise<Result>(write: () => Promise<Result>): Promise<Result> {
    return this.#timed(write, (ms) => this.metrics.onPromise(ms));
  }

  /** A document. */
  save<Result>(write: () => Promise<Result>): Promise<Result> {
    return this.#timed(write, (ms) => this.metrics.onSave(ms));
  }

  /** A write whose time says nothing: a mark, or a sweep of many. */
  counted<Result>(write: () => Promise<Result>): Promise<Result> {
    const written = write();
    written.catch(this.#failed);
    return written;
  }

  #timed<Result>(write: () => Promise<Result>, tell: (ms: number) => void): Promise<Result> {
    const from = this.#clock.now();
    const written = write();
    written.then(() => tell(this.#clock.now() - from), this.#failed);
    return written;
  }

  readonly #failed = (): void => this.metrics.onStoreFailure();
}

function meteredActivations(store: ActivationStore, meter: Meter): ActivationStore {
  return {
    accept: (entry) => meter.promise(() => store.accept(entry)),
    mark: (id, state, owner) => meter.counted(() => store.mark(id, state, owner)),
    advance: (message, owner) => meter.promise(() => store.advance(message, owner)),
    adopt: (id, from, to) => meter.counted(() => store.adopt(id, from, to)),
    finish: (record, how) => {
      const written = store.finish(record, how);
      // Once, though a store that does not answer is asked again: what is told of a run is told when it is in.
      written.then(
        (result) => {
          if (result === "stored") meter.metrics.onRecord(record);
        },
        () => meter.metrics.onStoreFailure(),
      );
      return written;
    },
    get: (namespace, id) => store.get(namespace, id),
    list: (query) => store.list(query),
    count: (query) => store.count(query),
    unfinished: (after, limit) => store.unfinished(after, limit),
    erase: (namespace, limit) => meter.counted(() => store.erase(namespace, limit)),
    prune: (policy) => meter.counted(() => store.prune(policy)),
  };
}

function meteredArtifacts(store: ArtifactStore, meter: Meter): ArtifactStore {
  return {
    get: (id) => store.get(id),
    put: (write, expected) => meter.save(() => store.put(write, expected)),
    delete: (id, expected) => meter.save(() => store.delete(id, expected)),
    list: (query) => store.list(query),
    count: (query) => store.count(query),
  };
}

function meteredSubjects(store: SubjectStore, meter: Meter): SubjectStore {
  return {
    get: (subject) => store.get(subject),
    byUuid: (uuid) => store.byUuid(uuid),
    byNamespace: (name) => store.byNamespace(name),
    put: (subject, expected) => meter.save(() => store.put(subject, expected)),
    delete: (subject, expected) => meter.save(() => store.delete(subject, expected)),
    list: (after, limit) => store.list(after, limit),
  };
}
