import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ActivationRecord } from "../../kernel/activation.ts";
import type { CacheFigures } from "../cache/entity-cache.ts";
import { type HttpTally, HttpTallies } from "./http-tally.ts";
import type { FleetView } from "./fleet.ts";

// Milliseconds. Chosen: a warm run takes a fraction of one, the longest action runs for minutes.
const RUN_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000];
const COMMIT_BUCKETS = [0.5, 1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000];
/** The words of statuses 0 to 3, as OpenWhisk's user metrics have them. */
const STATUSES = ["success", "application_error", "developer_error", "internal_error"] as const;
/** How often the event loop's delay is looked at. */
const LOOP_PRECISION_MS = 20;

/** What can be asked for figures when somebody reads them. */
export interface MetricSources {
  readonly fleet: FleetView;
  readonly caches: () => Readonly<Record<string, CacheFigures>>;
}

/**
 * What this process counts, in Prometheus's text, under OpenWhisk's names where it counts the same (reference 6.1). No label holds
 * what a user chose, so there are some two hundred series however many actions there are. docs/operating/metrics.md lists them.
 *
 * On the warm path: five counters, two histograms and a closure, under a microsecond; everything else is asked for when it is read.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #http = new HttpTallies();
  readonly #finished: readonly { inc(): void }[];
  readonly #run: Histogram;
  readonly #init: Histogram;
  readonly #wait: Histogram;
  readonly #blocking: Counter;
  readonly #nonBlocking: Counter;
  readonly #limitRate: Counter;
  readonly #limitConcurrent: Counter;
  readonly #records: Counter;
  readonly #saves: Histogram;
  readonly #promises: Histogram;
  readonly #storeFailures: Counter;

  constructor() {
    const registers = [this.#registry];
    const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
    const histogram = (name: string, help: string, buckets: number[]): Histogram =>
      new Histogram({ name, help, buckets, registers });
    this.#nonBlocking = counter("counter_controller_activation_start_total", "Non-blocking calls taken");
    this.#blocking = counter("counter_controller_blockingActivation_start_total", "Blocking calls taken");
    const finished = new Counter({
      name: "counter_controller_activation_finish_total",
      help: "Activations that are over, by how they ended",
      labelNames: ["status"],
      registers,
    });
    this.#finished = STATUSES.map((status) => finished.labels({ status }));
    // A series that begins with its first failure hides that failure from whoever computes rates.
    for (const status of STATUSES) finished.inc({ status }, 0);
    this.#run = histogram("histogram_invoker_activationRun_milliseconds", "Init and run of an activation", RUN_BUCKETS);
    this.#init = histogram(
      "histogram_invoker_activationInit_milliseconds",
      "Init alone, where there was one",
      RUN_BUCKETS,
    );
    this.#wait = histogram("histogram_scheduler_waitTime_milliseconds", "From acceptance to the start", RUN_BUCKETS);
    this.#limitRate = counter("openwhisk_action_limit_timed_total", "Requests refused for their rate");
    this.#limitConcurrent = counter("openwhisk_action_limit_concurrent_total", "Requests refused for those in flight");
    this.#records = counter("counter_database_saveDocumentBulk_total", "Activation records handed to the store");
    this.#saves = histogram("histogram_database_saveDocument_milliseconds", "Commit of a document", COMMIT_BUCKETS);
    this.#promises = histogram("histogram_database_journal_milliseconds", "Commit of a promise", COMMIT_BUCKETS);
    this.#storeFailures = counter("counter_database_failures_total", "Writes that the store did not take");
    this.#http.register(registers);
  }

  /** The tally of one route and verb, to be kept by whoever serves it. */
  httpTally(method: string, route: string): HttpTally {
    return this.#http.tally(method, route);
  }

  onInvocation({ blocking }: { readonly blocking: boolean }): void {
    (blocking ? this.#blocking : this.#nonBlocking).inc();
  }

  onThrottled(limit: "rate" | "concurrency"): void {
    (limit === "rate" ? this.#limitRate : this.#limitConcurrent).inc();
  }

  /** An activation is over. Triggers run for no time, and the time of a sequence is that of its components, counted there. */
  onRecord({ response, duration, annotations }: ActivationRecord): void {
    this.#records.inc();
    if (duration === undefined) return;
    this.#finished[response.statusCode]?.inc();
    if (annotations.some(({ key, value }) => key === "kind" && value === "sequence")) return;
    this.#run.observe(duration);
    for (const { key, value } of annotations) {
      if (typeof value !== "number") continue;
      if (key === "waitTime") this.#wait.observe(value);
      else if (key === "initTime") this.#init.observe(value);
    }
  }

  onSave(ms: number): void {
    this.#saves.observe(ms);
  }

  onPromise(ms: number): void {
    this.#promises.observe(ms);
  }

  onStoreFailure(): void {
    this.#storeFailures.inc();
  }

  /** Figures that others keep, read when somebody asks. Once. */
  watch({ fleet, caches }: MetricSources): void {
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: () => number): void => {
      const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
    };
    gauge("gauge_loadbalancer_activationsInflight", "Activations taken and not over", () => fleet.figures().inFlight);
    for (const [word, health] of [
      ["Healthy", "up"],
      ["Unhealthy", "unhealthy"],
      ["Unresponsive", "unresponsive"],
      ["Offline", "down"],
    ] as const) {
      gauge(`gauge_loadbalancer_total${word}Invoker`, `Invokers that are ${health}`, () =>
        Object.values(fleet.invokers()).reduce((count, state) => count + (state === health ? 1 : 0), 0),
      );
    }
    const figures = (): ReturnType<FleetView["figures"]> => fleet.figures();
    gauge("gauge_containerPool_runBufferCount", "Activations that wait for a container", () => figures().buffered);
    this.#group("gauge_invoker_containerPoolContainer", "Containers", "state", () => figures().containers);
    this.#group("gauge_invoker_containerPoolMemory", "Megabytes", "state", () => figures().memoryMb);
    this.#sum("counter_invoker_containerStart_total", "Activations by start", "state", () => figures().starts);
    this.#sum("counter_database_cacheHit_total", "Entities found in memory", "cache", () =>
      mapValues(caches(), ({ hits }) => hits),
    );
    this.#sum("counter_database_cacheMiss_total", "Entities read from the store", "cache", () =>
      mapValues(caches(), ({ misses }) => misses),
    );
  }

  /** Adds what Node tells of this process: its memory, its collector, the delay of its event loop. Once in a process. */
  watchProcess(version: string): void {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
    const registers = [this.#registry];
    new Gauge({ name: "skein_build_info", help: "1", labelNames: ["version"], registers }).set({ version }, 1);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #group(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const registers = [this.#registry];
    const gauge: Gauge = new Gauge({ name, help, registers, labelNames: [label], collect: () => fill() });
    const fill = (): void => {
      for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
    };
  }

  /** A counter that somebody else keeps. */
  #sum(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const registers = [this.#registry];
    const counter: Counter = new Counter({ name, help, registers, labelNames: [label], collect: () => fill() });
    const fill = (): void => {
      counter.reset();
      for (const [value, count] of Object.entries(read())) counter.inc({ [label]: value }, count);
    };
  }
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (from: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
