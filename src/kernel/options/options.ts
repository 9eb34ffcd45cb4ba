import { availableParallelism, homedir, totalmem } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** Everything an operator may set. Each field says its unit, range and default; `skein config show` prints the effective set. */
export interface SkeinOptions {
  readonly server: ServerOptions;
  readonly data: DataOptions;
  readonly log: LogOptions;
  readonly limits: LimitsOptions;
  readonly invocation: InvocationOptions;
  readonly store: StoreOptions;
  readonly invoker: InvokerOptions;
  /** `uuid:key` of namespace `guest`, used when the namespace is first made; made at random when absent. Secret. */
  readonly guestKey?: string;
  /** `uuid:key` of namespace `whisk.system`, used when the namespace is first made; made at random when absent. Secret. */
  readonly systemKey?: string;
}

export interface ServerOptions {
  /** Address to listen on; default 127.0.0.1. Anything beyond loopback needs TLS, or `insecure`. */
  readonly host: string;
  /** TCP port; 0 takes a free one; default 3233, as OpenWhisk's standalone server. */
  readonly port: number;
  /** PEM files; both or neither. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Serve plain HTTP beyond loopback all the same (a proxy in front does TLS); default false. */
  readonly insecure: boolean;
  /** What actions see as `__OW_API_HOST`, when it is not the address listened on. */
  readonly apiHost?: string;
  /** Domain whose hosts are namespaces, e.g. `guest.fn.example.com` for `fn.example.com`: docs/operating/web-actions.md; off when absent. */
  readonly vanityDomain?: string;
  /** Bytes of one request's body; default 50 MiB, OpenWhisk's cap: 48 MB of code and its envelope. */
  readonly bodyBytesMax: number;
  /** Milliseconds that a stop may take before what still runs is cut; default 10,000. */
  readonly shutdownMs: number;
  /** Who may read `/metrics`: `auto` (default) is anybody on loopback, else whisk.system's key; `open` shows `/activation` too. */
  readonly metrics: "auto" | "open" | "system-key";
  /** Share of the invokers that must be up for `GET /invokers/ready` to say so, 0 to 1; default 1. */
  readonly readinessFraction: number;
}

export interface DataOptions {
  /** Folder of everything that must survive a restart; default `~/.skein`. */
  readonly dir: string;
}

export interface LogOptions {
  /** What is less grave than this is not logged; default `info`. */
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** `auto` is pretty on a terminal and JSON lines elsewhere. Logs go to stderr. */
  readonly format: "auto" | "pretty" | "json";
}

export interface LimitsOptions {
  /** Where the three namespace limits below start from: `generous` 60,000/60,000/1,000, `openwhisk` 60/60/30. */
  readonly preset: "generous" | "openwhisk";
  /** Per namespace; absent means the preset's. */
  readonly invocationsPerMinute?: number;
  readonly firesPerMinute?: number;
  readonly concurrentInvocations?: number;
  /** Packages of other namespaces that are published can be run and bound, but not read, nor their code; default false. */
  readonly sharedPackagesExecuteOnly: boolean;
  /** What an action may ask for. */
  readonly action: {
    readonly timeoutMs: Range;
    readonly memoryMb: Range;
    readonly logsMb: Range;
    readonly concurrency: Range;
    /** Bytes of code, as sent (base64 for archives); default 48 MiB. */
    readonly codeBytesMax: number;
    /** Bytes of parameters, and of annotations; default 1 MiB each. */
    readonly parameterBytesMax: number;
  };
}

export interface Range {
  readonly min: number;
  readonly default: number;
  readonly max: number;
}

/** Which records are kept: all; those of failures; or those of failures that were not the action's own answer. */
export type StoreLevel = "always" | "failures" | "failures-not-application-errors";

export interface InvocationOptions {
  /** Records of blocking calls, whose callers had their answer, that are kept; default `always`. */
  readonly storeBlocking: StoreLevel;
  /** Records of promised activations that are kept; default `always`. Components of a promised composition are kept in any case. */
  readonly storeNonBlocking: StoreLevel;
  /** Milliseconds a blocking call waits before it becomes a 202; default 60,000. */
  readonly waitMsMax: number;
  /** Bytes of a payload and of a result; default 1 MiB each. */
  readonly payloadBytesMax: number;
  readonly resultBytesMax: number;
  /** Activations taken and not yet over, of all namespaces; beyond it `invoker/buffer-full`; default 20,000. */
  readonly inFlightMax: number;
  /** Journaled activations read in one go at start; default 256. */
  readonly recoveryPage: number;
}

export interface StoreOptions {
  /** Milliseconds a write that nobody waits for (the record of an answered call) may wait for company; default 5. */
  readonly groupCommitMs: number;
  /** Writes in one commit at most; default 512. */
  readonly groupCommitMax: number;
  /** Writes waiting for a commit at most; beyond it they are refused; default 50,000. */
  readonly writesWaitingMax: number;
  readonly retention: {
    /** Days an activation record is kept; default 30; 0 keeps it for ever. */
    readonly activationDays: number;
    /** Megabytes of activation records kept; the oldest go first; default 4,096; 0 sets no bound. */
    readonly activationMb: number;
    /** Seconds between sweeps; default 60. */
    readonly sweepSeconds: number;
  };
}

export interface InvokerOptions {
  /** Megabytes that containers may hold together, by their actions' limits; default half of the machine's memory. */
  readonly memoryMb: number;
  /** Activations that may wait for memory; beyond it `invoker/buffer-full`; default 10,000. */
  readonly bufferMax: number;
  /** Milliseconds an idle warm container is kept; default 600,000. With `keepAlive: adaptive` what one cold start is worth. */
  readonly idleMs: number;
  /** All idle containers equally long, or each by its action's idle times; default `fixed`; docs/protocols/pool-policy.md. */
  readonly keepAlive: "fixed" | "adaptive";
  /** Milliseconds after which an idle container is paused (its processes get SIGSTOP); default 50; 0 never pauses. */
  readonly pauseGraceMs: number;
  /** Runs of a few milliseconds at once, beyond which one more waits for one of them; default twice the cores. */
  readonly parallelism: number;
  /** Microseconds that the event loop stays awake for a run's answer while cores are idle; default 200; 0 lets it sleep. */
  readonly busyPollUs: number;
  /** Containers being created at once; default 4. */
  readonly createsMax: number;
  /** Stem cells kept ready, by kind and memory. */
  readonly prewarm: readonly { readonly kind: string; readonly memoryMb: number; readonly count: number }[];
  /** What containers are: processes of this machine (default), or a container engine's. */
  readonly factory: "process" | "docker";
  readonly process: ProcessFactoryOptions;
  readonly docker: DockerFactoryOptions;
}

export interface ProcessFactoryOptions {
  /** Where sockets and scratch folders live; default a folder of this instance's own under the system's temporary folder. */
  readonly runDir?: string;
  /** First of the user ids that containers run as, one each, when Skein runs as root; default 70,000; 0 keeps Skein's own user. */
  readonly uidFrom: number;
  /** Processes and threads of one container; default 128. In force only with user ids of their own. */
  readonly processesMax: number;
  /** Open files of each process; default 1,024. */
  readonly filesMax: number;
  /** Megabytes of one file a container writes; default 512. */
  readonly fileMbMax: number;
  /** Milliseconds for a container to answer after its start; default 10,000. */
  readonly startMs: number;
}

/** Of the docker factory: docs/operating/docker.md. */
export interface DockerFactoryOptions {
  /** Unix socket of Docker's API, or of Podman's; default `/var/run/docker.sock`. */
  readonly socket: string;
  /** File with OpenWhisk's `runtimes.json`: kinds, their images and stem cells; required with this factory. */
  readonly runtimes?: string;
  /** When images are pulled: those not on this machine (default), all once after each start, or none. */
  readonly pull: "missing" | "always" | "never";
  /** Milliseconds a pull may take; default 300,000. */
  readonly pullMs: number;
  /** Pulls at once; default 2. */
  readonly pullsMax: number;
  /** Network of containers; it has to give them an address that this machine reaches; default `bridge`. */
  readonly network: string;
  /** Processes and threads of one container; default 1,024, as OpenWhisk. */
  readonly processesMax: number;
  /** Limits of each process; default 1,024 open files. */
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** Linux capabilities taken from containers; default `ALL`; OpenWhisk takes `NET_RAW` and `NET_ADMIN` only. */
  readonly capDrop: readonly string[];
  /** Milliseconds for a container to listen after its start; default 30,000. */
  readonly startMs: number;
  /** Milliseconds for any other call of the engine's API; default 30,000. */
  readonly callMs: number;
}

const NO_ADDRESS = "must be a network that gives containers an address of their own";
const MIB = 1_048_576;
const storeLevel = z.enum(["always", "failures", "failures-not-application-errors"]).default("always");
const count = (min: number, max: number) => z.number().int().min(min).max(max);
const range = (min: number, defaults: Range, max: number) =>
  z
    .strictObject({
      min: count(min, max).default(defaults.min),
      default: count(min, max).default(defaults.default),
      max: count(min, max).default(defaults.max),
    })
    .refine((r) => r.min <= r.default && r.default <= r.max, "must hold min <= default <= max")
    .prefault({});

/** `uuid:key` as OpenWhisk makes them: a UUID, a colon, 64 letters and digits. */
export const AUTH_KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}$/;
const authKey = z.string().regex(AUTH_KEY, "must be `uuid:key`: a lower-case UUID, a colon, 64 letters or digits");

const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const isDomain = (text: string): boolean => text.length <= 253 && DOMAIN.test(text);

/** Checks and completes what files, environment and flags say. Unknown keys are refused. */
export const optionsSchema: z.ZodType<SkeinOptions> = z.strictObject({
  server: z
    .strictObject({
      host: z.string().min(1).default("127.0.0.1"),
      port: count(0, 65_535).default(3233),
      tlsCert: z.string().min(1).exactOptional(),
      tlsKey: z.string().min(1).exactOptional(),
      insecure: z.boolean().default(false),
      apiHost: z.url().exactOptional(),
      vanityDomain: z.string().refine(isDomain, "must be a domain name in lower case, without a port").exactOptional(),
      bodyBytesMax: count(1024, 512 * MIB).default(50 * MIB),
      shutdownMs: count(0, 3_600_000).default(10_000),
      metrics: z.enum(["auto", "open", "system-key"]).default("auto"),
      readinessFraction: z.number().min(0).max(1).default(1),
    })
    .refine((s) => (s.tlsCert === undefined) === (s.tlsKey === undefined), "tlsCert and tlsKey go together")
    .prefault({}),
  data: z.strictObject({ dir: z.string().min(1).default(join(homedir(), ".skein")) }).prefault({}),
  log: z
    .strictObject({
      level: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
      format: z.enum(["auto", "pretty", "json"]).default("auto"),
    })
    .prefault({}),
  limits: z
    .strictObject({
      preset: z.enum(["generous", "openwhisk"]).default("generous"),
      invocationsPerMinute: count(0, 1e9).exactOptional(),
      firesPerMinute: count(0, 1e9).exactOptional(),
      concurrentInvocations: count(0, 1e6).exactOptional(),
      sharedPackagesExecuteOnly: z.boolean().default(false),
      action: z
        .strictObject({
          timeoutMs: range(1, { min: 100, default: 60_000, max: 300_000 }, 86_400_000),
          memoryMb: range(16, { min: 128, default: 256, max: 512 }, 1_048_576),
          logsMb: range(0, { min: 0, default: 10, max: 10 }, 1024),
          concurrency: range(1, { min: 1, default: 1, max: 200 }, 10_000),
          codeBytesMax: count(1, 512 * MIB).default(48 * MIB),
          parameterBytesMax: count(1, 64 * MIB).default(MIB),
        })
        .prefault({}),
    })
    .prefault({}),
  invocation: z
    .strictObject({
      waitMsMax: count(1, 3_600_000).default(60_000),
      payloadBytesMax: count(1, 64 * MIB).default(MIB),
      resultBytesMax: count(1, 64 * MIB).default(MIB),
      storeBlocking: storeLevel,
      storeNonBlocking: storeLevel,
      inFlightMax: count(1, 1e6).default(20_000),
      recoveryPage: count(1, 10_000).default(256),
    })
    .prefault({}),
  store: z
    .strictObject({
      groupCommitMs: count(0, 1000).default(5),
      groupCommitMax: count(1, 100_000).default(512),
      writesWaitingMax: count(1, 1e7).default(50_000),
      retention: z
        .strictObject({
          activationDays: count(0, 36_500).default(30),
          activationMb: count(0, 1e9).default(4096),
          sweepSeconds: count(1, 86_400).default(60),
        })
        .prefault({}),
    })
    .prefault({}),
  invoker: z
    .strictObject({
      memoryMb: count(128, 1e8).default(defaultMemoryMb()),
      bufferMax: count(1, 1e7).default(10_000),
      idleMs: count(0, 86_400_000).default(600_000),
      keepAlive: z.enum(["fixed", "adaptive"]).default("fixed"),
      pauseGraceMs: count(0, 86_400_000).default(50),
      parallelism: count(1, 100_000).default(2 * availableParallelism()),
      busyPollUs: count(0, 10_000).default(200),
      createsMax: count(1, 1000).default(4),
      prewarm: z
        .array(z.strictObject({ kind: z.string().min(1), memoryMb: count(16, 1_048_576), count: count(0, 1000) }))
        .max(64)
        .default([{ kind: "nodejs:24", memoryMb: 256, count: 2 }]),
      factory: z.enum(["process", "docker"]).default("process"),
      process: z
        .strictObject({
          runDir: z.string().min(1).exactOptional(),
          uidFrom: count(0, 4_000_000_000).default(70_000),
          processesMax: count(16, 1e6).default(128),
          filesMax: count(64, 1e6).default(1024),
          fileMbMax: count(1, 1e6).default(512),
          startMs: count(100, 600_000).default(10_000),
        })
        .prefault({}),
      docker: z
        .strictObject({
          socket: z.string().min(1).default("/var/run/docker.sock"),
          runtimes: z.string().min(1).exactOptional(),
          pull: z.enum(["missing", "always", "never"]).default("missing"),
          pullMs: count(1000, 86_400_000).default(300_000),
          pullsMax: count(1, 100).default(2),
          network: z
            .string()
            .regex(/^(?!(?:none|host|container:.*)$).+$/, NO_ADDRESS)
            .default("bridge"),
          processesMax: count(16, 1e6).default(1024),
          ulimits: z
            .array(z.strictObject({ name: z.string().min(1), soft: count(0, 1e9), hard: count(0, 1e9) }))
            .max(32)
            .default([{ name: "nofile", soft: 1024, hard: 1024 }]),
          capDrop: z.array(z.string().min(1)).max(64).default(["ALL"]),
          startMs: count(100, 600_000).default(30_000),
          callMs: count(100, 600_000).default(30_000),
        })
        .prefault({}),
    })
    .refine((i) => i.factory !== "docker" || i.docker.runtimes !== undefined, "factory docker needs docker.runtimes")
    .prefault({}),
  guestKey: authKey.exactOptional(),
  systemKey: authKey.exactOptional(),
});

/** The default set, as every option leaves it. */
export function defaultOptions(): SkeinOptions {
  return optionsSchema.parse({});
}

/** Half of the machine: the other half is for Skein itself, the store's cache and everybody else. */
function defaultMemoryMb(): number {
  return Math.max(512, Math.floor(totalmem() / MIB / 2));
}
