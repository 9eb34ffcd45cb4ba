/**
 * What an action goes through: init once, then runs. The words and statuses are those of OpenWhisk's nodejs runtime, for
 * clients match on them. Between a run's answer and its sentinels nothing else happens, so logs and answers come in one order.
 */
import type { Load } from "./load.cts";
import type { Output } from "./output.cts";
import type { Primordials } from "./primordials.cts";
import type { Errors } from "./errors.cts";
import type { Reply } from "./http.cts";

const { load } = require("./load.cjs") as Load;
const primordials = require("./primordials.cjs") as Primordials;
const { exit, jsonStringify, objectKeys, promiseOf, promiseThen, setAdd, setDelete, toUpperCase } = primordials;
const { describe, plain } = require("./errors.cjs") as Errors;

type ActionFunction = (args: unknown) => unknown;
type State = "ready" | "starting" | "running" | "stopped";

/** The fields of `/run` that become `__OW_…` are whichever are strings, as in OpenWhisk. */
interface Fields {
  readonly [field: string]: unknown;
}

interface ServiceOptions {
  readonly concurrent: boolean;
  readonly folder: string;
  /** What the action sees as its environment. */
  readonly env: Record<string, string | undefined>;
  readonly output: Pick<Output, "markSentinels" | "writeError" | "writeSentinels">;
  /** Called first thing with every `/init`. */
  readonly onInit?: () => void;
}

class ActionService {
  readonly #options: ServiceOptions;
  /** What the last run's fields were: most are the same for every run, and each assignment of `env` costs a microsecond. */
  readonly #lastFields = Object.create(null) as Record<string, unknown>;
  /** Answers owed: of the init, or of the runs that go on. */
  readonly #owed = new Set<Reply>();
  #state: State = "ready";
  #action: ActionFunction | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  onInit(body: unknown, sentinelMark: string | undefined, reply: Reply): void {
    const { env, folder, output, onInit } = this.#options;
    onInit?.();
    if (this.#action !== undefined) return this.#refuse(reply, "Cannot initialize the action more than once.");
    if (this.#state !== "ready") return this.#refuse(reply, `System not ready, status is ${this.#state}.`);
    if (sentinelMark !== undefined) output.markSentinels(sentinelMark);
    const message = fieldsOf(fieldsOf(body)["value"]);
    const { main = "main", code, binary } = message;
    if (typeof main !== "string" || main === "" || typeof code !== "string" || code === "") {
      this.#refuse(reply, "Missing main/no code to execute.");
      return output.writeSentinels();
    }
    setInitEnv(env, fieldsOf(message["env"]));
    this.#state = "starting";
    setAdd(this.#owed, reply);
    const onLoaded = (action: unknown): void => {
      if (!this.#settles(reply)) return;
      this.#action = action as ActionFunction;
      this.#state = "ready";
      reply(200, '{"OK":true}');
    };
    const onFailed = (error: unknown): void => this.#failInit(reply, error);
    promiseThen(load({ main, code, binary: binary === true, folder }), onLoaded, onFailed);
  }

  onRun(body: unknown, reply: Reply): void {
    const action = this.#action;
    if (action === undefined) return this.#refuse(reply, "System not initialized.");
    if (this.#state !== "ready") return this.#refuse(reply, `System not ready, status is ${this.#state}.`);
    const message = fieldsOf(body);
    const value = message["value"] ?? {};
    if (typeof value !== "object") {
      const words = `Internal system error: the argument must be a dictionary but has type '${typeof value}'.`;
      return this.#refuse(reply, words);
    }
    this.#setRunEnv(message);
    if (!this.#options.concurrent) this.#state = "running";
    setAdd(this.#owed, reply);
    let result: unknown;
    try {
      result = action(value);
    } catch (error) {
      this.#failRun(reply, error);
      return;
    }
    // A plain value is answered at once: a turn of the loop saved on the warm path.
    if (!isThenable(result)) return this.#finish(reply, result);
    const onResolved = (resolved: unknown): void => this.#finish(reply, resolved);
    // A rejected promise is the action's own error, not a defect of its code: OpenWhisk answers it as `{error}` with 200.
    const onRejected = (reason: unknown): void =>
      this.#finish(reply, { error: reason === undefined || reason === null ? {} : plain(reason) });
    promiseThen(promiseOf(result), onResolved, onRejected);
  }

  /**
   * An error nobody caught (or a rejection nobody handled). It belongs to a run that goes on, if one does; which one cannot be
   * known with several, so all of them answer it. With none the process ends: its state is anybody's guess.
   */
  onUncaught(error: unknown): void {
    if (this.#owed.size === 0) {
      this.#options.output.writeError(describe(error).stack);
      exit(1);
    }
    for (const reply of this.#owed) {
      if (this.#state === "starting") this.#failInit(reply, error);
      else this.#failRun(reply, error);
    }
  }

  #finish(reply: Reply, result: unknown): void {
    if (!this.#settles(reply)) return;
    let json: string | undefined;
    let status = 200;
    try {
      // `return;` is an empty result.
      json = result === undefined ? "{}" : typeof result === "object" ? jsonStringify(result) : undefined;
    } catch (error) {
      this.#options.output.writeError(describe(error).stack);
      status = 502;
      json = errorJson(`The action returned a value that cannot be written as JSON: ${describe(error).text}`);
    }
    if (json === undefined) {
      this.#options.output.writeError(
        `Result must be of type object but has type "${typeof result}": ${describe(result).text}`,
      );
      status = 502;
      json = errorJson("The action did not return a dictionary.");
    }
    if (this.#state === "running") this.#state = "ready";
    reply(status, json);
    this.#options.output.writeSentinels();
  }

  #failRun(reply: Reply, error: unknown): void {
    if (!this.#settles(reply)) return;
    const { text, stack } = describe(error);
    this.#options.output.writeError(stack);
    this.#state = "stopped";
    reply(502, errorJson(`An error has occurred: ${text}`));
    this.#options.output.writeSentinels();
  }

  #failInit(reply: Reply, error: unknown): void {
    if (!this.#settles(reply)) return;
    const { stack } = describe(error);
    this.#options.output.writeError(`Error during initialization: ${stack}`);
    this.#state = "stopped";
    reply(502, errorJson(`Initialization has failed due to: ${stack}`));
    this.#options.output.writeSentinels();
  }

  #refuse(reply: Reply, words: string): void {
    this.#options.output.writeError(`Internal system error: ${words}`);
    reply(403, errorJson(words));
  }

  #setRunEnv(fields: Fields): void {
    for (const field of objectKeys(fields)) {
      const value = fields[field];
      if (typeof value !== "string" || field === "value" || this.#lastFields[field] === value) continue;
      this.#lastFields[field] = value;
      this.#options.env[`__OW_${toUpperCase(field)}`] = value;
    }
  }

  /** True the first time it is asked: whoever is first answers (a promise, an uncaught error), the others are too late. */
  #settles(reply: Reply): boolean {
    return setDelete(this.#owed, reply);
  }
}

function errorJson(words: string): string {
  return `{"error":${jsonStringify(words)}}`;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isThenable(value: unknown): boolean {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  try {
    return typeof (value as { then?: unknown }).then === "function";
  } catch {
    // A getter that throws: Promise.resolve turns it into the rejection it would be to any other caller.
    return true;
  }
}

function setInitEnv(env: ServiceOptions["env"], fields: Fields): void {
  for (const name of objectKeys(fields)) {
    const value = fields[name];
    // OpenWhisk's conversion: falsy values are empty, objects are JSON.
    if (typeof value === "string") env[name] = value;
    else
      env[name] =
        typeof value === "object" && value !== null ? jsonStringify(value) : value ? `${value as number}` : "";
  }
}

const service = { ActionService };
module.exports = service;
export type Service = typeof service;
