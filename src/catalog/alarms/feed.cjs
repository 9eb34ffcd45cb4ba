/**
 * The feeds of alarms: tells the platform when to fire a trigger. Which feed it is, the action's own parameters say (`isInterval`,
 * `fireOnce`, as in OpenWhisk's package).
 *
 * @param params `lifecycleEvent`: CREATE, READ, UPDATE, DELETE, PAUSE or UNPAUSE; `triggerName`: `/namespace/trigger`; `authKey`: the
 * key of that namespace; and what the schedule needs
 */
async function main(params) {
  const { lifecycleEvent, triggerName, authKey } = params;
  const event = EVENTS[lifecycleEvent];
  if (event === undefined) return failure("unsupported lifecycleEvent");
  if (typeof triggerName !== "string" || triggerName === "") return failure("no trigger name parameter was provided");
  if (typeof authKey !== "string" || authKey === "") return failure("no authKey parameter was provided");
  const path = pathOf(triggerName);
  if (path === undefined) return failure(`'${triggerName}' is not the name of a trigger`);
  try {
    const response = await fetch(`${apiHost()}/api/v1/namespaces/${path}${event.query ?? ""}`, {
      method: event.method,
      headers: {
        authorization: `Basic ${Buffer.from(authKey).toString("base64")}`,
        "content-type": "application/json",
      },
      ...(event.body === undefined ? {} : { body: JSON.stringify(event.body(params)) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await response.json();
    if (response.ok) return event.result(answer);
    // What is gone already needs no deletion.
    if (response.status === 404 && lifecycleEvent === "DELETE") return { status: "success" };
    return failure(answer.error, response.status);
  } catch (error) {
    return failure(`The platform could not be reached at ${apiHost()}: ${error.cause?.message || error.message}`);
  }
}

const TIMEOUT_MS = 20_000;
/** What the platform knows of a schedule; everything else (the key above all) stays here. */
const NAMES = [
  "cron",
  "timezone",
  "strict",
  "minutes",
  "date",
  "deleteAfterFire",
  "startDate",
  "stopDate",
  "maxTriggers",
  "trigger_payload",
];

const success = () => ({ status: "success" });
const EVENTS = {
  CREATE: {
    method: "PUT",
    query: "?overwrite=true",
    body: (params) => ({ feed: feedOf(params), ...schedule(params) }),
    result: success,
  },
  READ: { method: "GET", result: ({ config, status }) => ({ config, status }) },
  UPDATE: { method: "POST", body: schedule, result: success },
  DELETE: { method: "DELETE", result: success },
  PAUSE: { method: "POST", body: () => ({ active: false }), result: success },
  UNPAUSE: { method: "POST", body: () => ({ active: true }), result: success },
};

function schedule(params) {
  return Object.fromEntries(NAMES.filter((name) => Object.hasOwn(params, name)).map((name) => [name, params[name]]));
}

function feedOf({ fireOnce, isInterval }) {
  if (fireOnce) return "once";
  return isInterval ? "interval" : "alarm";
}

/** Without a namespace before it, the trigger is in the key's own. */
function pathOf(triggerName) {
  const [namespace, name, ...more] = triggerName.startsWith("/") ? triggerName.slice(1).split("/") : ["_", triggerName];
  if (!namespace || !name || more.length > 0 || name.includes("/")) return undefined;
  return `${encodeURIComponent(namespace)}/alarms/${encodeURIComponent(name)}`;
}

function apiHost() {
  const host = process.env.__OW_API_HOST ?? "";
  return (/^https?:\/\//.test(host) ? host : `https://${host}`).replace(/\/+$/, "");
}

/** As OpenWhisk's feeds word a failure: an object with the text. */
function failure(error, statusCode) {
  return { error: { error, ...(statusCode === undefined ? {} : { statusCode }) } };
}

exports.main = main;
