import { alarmView } from "../alarms/alarm-view.ts";
import { parseAlarmPut } from "../alarms/alarm-put.ts";
import { type Alarm, effectiveSchedule } from "../alarms/alarm.ts";
import type { Alarms } from "../alarms/alarms.ts";
import type { CronRules } from "../alarms/cron.ts";
import { nextTick } from "../core/alarm-ticks.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import type { EntityRef } from "../entities/ref.ts";
import { nameOf, namespaceOf } from "./address.ts";
import { type Answer, json } from "./answer.ts";
import { documentOf } from "./body.ts";
import { flag, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "alarms";

/** What the routes of alarms need. */
export interface AlarmContext {
  readonly alarms: Alarms;
  readonly cronRules: CronRules;
  readonly clock: Clock;
}

/** The routes of alarms, each under the name of its trigger. OpenWhisk has none: its alarms are behind the feeds alone. */
export function alarmRoutes(context: AlarmContext): readonly Route[] {
  const base = "/namespaces/:namespace/alarms";
  return [
    { paths: [base, `${base}/`], tag: "Alarms", operations: { GET: listOperation(context) } },
    {
      paths: [`${base}/:name`],
      tag: "Alarms",
      operations: {
        GET: readOperation(context),
        PUT: writeOperation(context),
        POST: changeOperation(context),
        DELETE: removeOperation(context),
      },
    },
  ];
}

function listOperation(context: AlarmContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the alarms of a namespace",
    query: ["limit", "skip", "count"],
    statuses: [200, 400, 403],
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      requireOwner(identity, namespace);
      const { skip, limit } = page(request.query, COLLECTION);
      if (flag(request.query, "count", false)) {
        return json(200, { [COLLECTION]: await context.alarms.count({ namespace, skip }) });
      }
      const alarms = await context.alarms.list({ namespace, skip, limit });
      return json(
        200,
        alarms.map((alarm) => viewOf(context, alarm)),
      );
    },
  };
}

function readOperation(context: AlarmContext): CallerOperation {
  return {
    access: "caller",
    summary: "Read the alarm of a trigger",
    statuses: [200, 400, 403, 404],
    handle: async (request, identity) => answer(context, await context.alarms.read(own(request, identity))),
  };
}

function writeOperation(context: AlarmContext): CallerOperation {
  return {
    access: "caller",
    summary: "Make the alarm of a trigger, or replace it",
    query: ["overwrite"],
    statuses: [200, 400, 403, 404, 409, 413, 415],
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const overwrite = flag(request.query, "overwrite", false);
      const put = parseAlarmPut(documentOf(request));
      return answer(context, await context.alarms.put(ref, put, { overwrite }));
    },
  };
}

function changeOperation(context: AlarmContext): CallerOperation {
  return {
    access: "caller",
    summary: "Change some of the alarm of a trigger, pause it or resume it",
    statuses: [200, 400, 403, 404, 409, 413, 415],
    handle: async (request, identity) => {
      const ref = own(request, identity);
      return answer(context, await context.alarms.change(ref, parseAlarmPut(documentOf(request))));
    },
  };
}

function removeOperation(context: AlarmContext): CallerOperation {
  return {
    access: "caller",
    summary: "Delete the alarm of a trigger",
    statuses: [200, 400, 403, 404, 409],
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const alarm = await context.alarms.remove(ref);
      // The name is all that is left of a document that could not be read.
      return alarm === undefined ? json(200, { namespace: ref.namespace, name: ref.path }) : answer(context, alarm);
    },
  };
}

/** The trigger that a path names, which must be the caller's. */
function own(request: ApiRequest, identity: Identity): EntityRef {
  const ref = { namespace: namespaceOf(request, identity), path: nameOf(request, "name") };
  requireOwner(identity, ref.namespace, ref.path);
  return ref;
}

function answer(context: AlarmContext, alarm: Alarm): Answer {
  return json(200, viewOf(context, alarm));
}

function viewOf({ cronRules, clock }: AlarmContext, alarm: Alarm): object {
  const after = Math.max(clock.wallMs(), alarm.lastTick);
  const next = nextTick(effectiveSchedule(alarm), after, (rule, from) => cronRules.next(rule, from));
  return alarmView(alarm, alarm.active ? next : undefined);
}
