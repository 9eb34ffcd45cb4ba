import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Trigger } from "../entities/trigger.ts";

/** What the actions of a firing get: the trigger's parameters, the payload over them, and the headers that the event came with. */
export function argsOf(
  trigger: Trigger,
  event: { readonly payload: JsonObject; readonly headers?: Readonly<Record<string, string>> },
): JsonObject {
  const { payload, headers } = event;
  const parameters = trigger.parameters.map(({ key, value }) => [key, value] as const);
  const args = { ...Object.fromEntries(parameters), ...payload };
  return headers === undefined ? args : { ...args, __ow_headers: headers };
}

/** The refusal that a caller would get who sent these as the payload of each action; undefined when they fit. */
export function sizeFault(args: JsonObject, bytesMax: number): PlatformError<"request/too-large"> | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (bytes <= bytesMax) return undefined;
  return new PlatformError("request/too-large", `Request larger than allowed: ${bytes} > ${bytesMax} bytes.`);
}
