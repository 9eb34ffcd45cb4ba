import { request as httpRequest } from "node:http";
import { type Controller, createController } from "../../../src/controller/controller.ts";
import type { RuntimesAdvert } from "../../../src/controller/entities/runtimes.ts";
import type {
  CodeInvocations,
  ComponentEvents,
  InvokeRequest,
  InvokeResult,
  StoreHow,
} from "../../../src/controller/invocation/port.ts";
import type { FleetView } from "../../../src/controller/metrics/fleet.ts";
import { Metrics } from "../../../src/controller/metrics/metrics.ts";
import { recordOf as runRecordOf } from "../../../src/controller/invocation/record.ts";
import type {
  ActivationMessage,
  ActivationRecord,
  PromisedActivation,
  StatusCode,
} from "../../../src/kernel/activation.ts";
import { type Clock, systemClock } from "../../../src/kernel/clock.ts";
import { type ActivationId, asId, type Incarnation } from "../../../src/kernel/ids.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { silentLog, type Log } from "../../../src/kernel/log.ts";
import { optionsSchema, type SkeinOptions } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import type { ActivationStore, Stores } from "../../../src/store/ports.ts";
import { outcomeOf } from "../../support/messages.ts";
import { checkExchange } from "../../support/swagger.ts";

export const GUEST = "11111111-1111-1111-1111-111111111111:" + "g".repeat(64);
export const OTHER = "22222222-2222-2222-2222-222222222222:" + "o".repeat(64);
export const SYSTEM = "33333333-3333-3333-3333-333333333333:" + "s".repeat(64);

export const ADVERT: RuntimesAdvert = {
  families: {
    nodejs: [
      { kind: "nodejs:24", default: true, deprecated: false, requireMain: false, image: null },
      { kind: "nodejs:0.10", default: false, deprecated: true, requireMain: false, image: null },
    ],
    java: [{ kind: "java:8", default: true, deprecated: false, requireMain: true, image: null }],
  },
  aliases: { "nodejs:20": "nodejs:24" },
};

/** One answer, with its body parsed where it is JSON. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // Tests look into answers of every shape; assertions are what checks them.
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any -- see above
}

export interface CallOptions {
  readonly auth?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Buffer;
  /** False for exchanges that break OpenWhisk's own description on purpose; `answers` where only the request does. */
  readonly swagger?: boolean | "answers";
}

export interface Harness extends AsyncDisposable {
  readonly url: string;
  readonly controller: Controller;
  readonly stores: Stores;
  readonly invocations: ScriptedInvocations;
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Reply>;
}

/** One invoker that is up and has nothing to do. */
export const quietFleet: FleetView = {
  invokers: () => ({ invoker0: "up" }),
  figures: () => ({ containers: {}, memoryMb: {}, starts: {}, inFlight: 0, buffered: 0 }),
  active: () => [],
};

/** A real API on a free port, over memory stores and invocations that answer what the test says. */
export async function startApi(
  settings: {
    readonly options?: object;
    readonly clock?: Clock;
    readonly log?: Log;
    readonly fleet?: FleetView;
    readonly wrap?: (stores: Stores) => Stores;
  } = {},
): Promise<Harness> {
  const clock = settings.clock ?? systemClock;
  const options: SkeinOptions = optionsSchema.parse(settings.options ?? {});
  const memory = memoryStores({ clock });
  const stores = settings.wrap?.(memory) ?? memory;
  await addSubject(stores, "guest", GUEST);
  await addSubject(stores, "other", OTHER);
  await addSubject(stores, "whisk.system", SYSTEM);
  const invocations = new ScriptedInvocations(stores.activations);
  const controller = createController({
    options,
    stores,
    invocations,
    runtimes: ADVERT,
    status: () => ({ controller: "up" }),
    fleet: settings.fleet ?? quietFleet,
    metrics: new Metrics(),
    me: asId("test"),
    clock,
    random: seededRandom("api"),
    log: settings.log ?? silentLog,
    version: "0.1.0",
  });
  const { url } = await controller.listen({ host: "127.0.0.1", port: 0 });
  return {
    url,
    controller,
    stores,
    invocations,
    call: (method, path, callOptions = {}) => call(url, { method, path, ...callOptions }),
    [Symbol.asyncDispose]: async () => {
      await controller.close();
      await stores.close();
    },
  };
}

export async function addSubject(stores: Stores, name: string, authKey: string): Promise<void> {
  const [uuid = "", key = ""] = authKey.split(":");
  await stores.subjects.put({ subject: name, namespaces: [{ name: asId(name), uuid, key }], blocked: false }, "absent");
}

export function basic(authKey: string): string {
  return `Basic ${Buffer.from(authKey).toString("base64")}`;
}

async function call(
  url: string,
  {
    method,
    path,
    auth = GUEST,
    headers = {},
    json,
    raw,
    swagger = true,
  }: CallOptions & { method: string; path: string },
): Promise<Reply> {
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  const reply = await exchange(url + path, {
    method,
    headers: {
      ...(auth === null ? {} : { authorization: basic(auth) }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(body === undefined || "transfer-encoding" in headers
        ? {}
        : { "content-length": String(Buffer.byteLength(body)) }),
      ...headers,
    },
    body,
  });
  if (swagger !== false) {
    const requestBody = json ?? parsedOf(raw);
    const checked = { method, path, requestBody, status: reply.status, responseBody: reply.body };
    checkExchange(checked, { requests: swagger === true });
  }
  return reply;
}

function parsedOf(raw: string | Buffer | undefined): unknown {
  try {
    return raw === undefined || raw.length === 0 ? undefined : JSON.parse(raw.toString());
  } catch {
    // No JSON: nothing that a description of JSON could say anything about.
    return undefined;
  }
}

/** Sends exactly what it is given: no normalised paths, no added headers. */
function exchange(
  url: string,
  { method, headers, body }: { method: string; headers: Record<string, string>; body: string | Buffer | undefined },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const [, host = "", port = "", path = ""] = /^http:\/\/([^:/]+):(\d+)(.*)$/s.exec(url) ?? [];
    const request = httpRequest({ host, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const isJson = response.headers["content-type"] === "application/json" && text !== "";
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: isJson ? (JSON.parse(text) as unknown) : text,
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** An in-process double: every call is kept, and answered by `answer`. */
export class ScriptedInvocations implements CodeInvocations {
  readonly calls: InvokeRequest[] = [];
  /** What sequences and conductors had run. */
  readonly components: ActivationMessage[] = [];
  readonly stopped = new AbortController().signal;
  flying = 0;
  readonly #activations: ActivationStore;
  answer: (request: InvokeRequest) => InvokeResult | Promise<InvokeResult> = (request) =>
    request.waitMs === undefined
      ? { kind: "accepted", activationId: nextId() }
      : { kind: "done", record: recordOf(request, { result: request.payload }) };

  /** What a component gives back: its arguments, unless the test says otherwise. */
  answerComponent: (message: ActivationMessage) => JsonValue = ({ args }) => args;

  constructor(activations: ActivationStore) {
    this.#activations = activations;
  }

  async invoke(request: InvokeRequest): Promise<InvokeResult> {
    this.calls.push(request);
    return await this.answer(request);
  }

  inFlight(): number {
    return this.flying;
  }

  enter(): () => void {
    this.flying += 1;
    return () => void (this.flying -= 1);
  }

  nextId(): ActivationId {
    return nextId();
  }

  run(message: ActivationMessage, events: ComponentEvents): void {
    this.components.push(message);
    const run = async (): Promise<void> => {
      await events.beforeRun();
      const outcome = outcomeOf(this.answerComponent(message));
      const record = runRecordOf(message, outcome, []);
      events.onAnswered(record);
      events.onStored(await this.store(record, message, "free"));
    };
    run().catch((error: Error) => events.onRefused(error));
  }

  async store(record: ActivationRecord, { action }: PromisedActivation, how: StoreHow): Promise<boolean> {
    const owner = how === "entry" ? { owner: asId<Incarnation>("test") } : {};
    await this.#activations.finish(record, { path: action.path, ...owner });
    return true;
  }
}

let ids = 0;

export function nextId(): ActivationId {
  ids += 1;
  return asId(ids.toString(16).padStart(32, "0"));
}

export function recordOf(
  request: Pick<InvokeRequest, "identity" | "action">,
  response: { readonly result: JsonValue; readonly statusCode?: StatusCode },
): ActivationRecord {
  const { action, identity } = request;
  return {
    namespace: identity.namespace,
    name: action.path.slice(action.path.indexOf("/") + 1),
    version: action.version,
    subject: identity.subject,
    activationId: nextId(),
    start: 1_700_000_000_000,
    end: 1_700_000_000_005,
    duration: 5,
    response: { statusCode: response.statusCode ?? 0, result: response.result },
    logs: [],
    annotations: [{ key: "path", value: `${action.namespace}/${action.path}` }],
    publish: false,
  };
}

/** A PUT body of a source action. */
export function source(code = "function main(args) { return args }"): { exec: { kind: string; code: string } } {
  return { exec: { kind: "nodejs:default", code } };
}
