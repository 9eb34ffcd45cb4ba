import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Trigger } from "../entities/trigger.ts";

/** What the actions of a firing get: the trigger's parameters, and the payload over them. */
export function argsOf({ parameters }: Trigger, payload: JsonObject): JsonObject {
  return { ...Object.fromEntries(parameters.map(({ key, value }) => [key, value] as const)), ...payload };
}

/** The same with the headers that the event came with, whatever the payload says of them. */
export function withHeaders(args: JsonObject, headers: Readonly<Record<string, string>> | undefined): JsonObject {
  return headers === undefined ? args : { ...args, __ow_headers: headers };
}

/**
 * The refusal that a caller would get who sent these as the payload of each action; undefined when they fit. Headers are not counted,
 * which have their own bound: what is allowed as a payload alone must not fail for the sake of its client's name.
 */
export function sizeFault(args: JsonObject, bytesMax: number): PlatformError<"request/too-large"> | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (bytes <= bytesMax) return undefined;
  return new PlatformError("request/too-large", `Request larger than allowed: ${bytes} > ${bytesMax} bytes.`);
}
