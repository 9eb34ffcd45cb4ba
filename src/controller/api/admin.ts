import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import type { Subject } from "../../store/ports.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { Administration } from "../entitlement/administration.ts";
import { parseLimits } from "../entitlement/limits.ts";
import { requireSystem } from "../entitlement/rights.ts";
import type { SubjectPut } from "../entitlement/subject-admin.ts";
import { type Answer, json } from "./answer.ts";
import { documentOf, payloadOf } from "./body.ts";
import { malformed } from "./failure.ts";
import { page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const TAG = "Administration";
const STATUSES = [200, 400, 403, 404, 409, 415, 422, 503];

const createSchema: z.ZodType<SubjectPut> = z.strictObject({
  namespace: z.string().exactOptional(),
  auth: z.string().exactOptional(),
  revoke: z.boolean().exactOptional(),
  force: z.boolean().exactOptional(),
});
const blockSchema = z.strictObject({ blocked: z.boolean() });
const whoisSchema = z.strictObject({ auth: z.string() });

/** The routes by which operators make users and set their limits; all of them take the key of whisk.system. */
export function adminRoutes({ users, limits }: Administration): readonly Route[] {
  return [
    {
      paths: ["/admin/users", "/admin/users/"],
      tag: TAG,
      operations: {
        GET: operation("List users by name", async (request) => {
          const { limit } = page(request.query, "users");
          const subjects = await users.list(query(request, "after", ["limit"]), limit);
          return json(200, subjects.map(subjectView));
        }),
      },
    },
    {
      paths: ["/admin/users/:subject"],
      tag: TAG,
      operations: {
        GET: operation("Read a user with the keys of its namespaces", async (request) =>
          json(200, subjectView(await users.get(named(request, "subject")))),
        ),
        PUT: operation("Create a user, a namespace of one, or a new key", async (request) =>
          json(200, await users.create(named(request, "subject"), checked(createSchema, payloadOf(request)))),
        ),
        POST: operation("Block a user, or let it in again", async (request) => {
          const { blocked } = checked(blockSchema, documentOf(request));
          const subject = named(request, "subject");
          await users.setBlocked(subject, blocked);
          return json(200, { subject, blocked });
        }),
        DELETE: operation("Delete a user, or one namespace of it, with everything in it", async (request) => {
          const subject = named(request, "subject");
          return json(200, { subject, ...(await users.remove(subject, query(request, "namespace"))) });
        }),
      },
    },
    {
      paths: ["/admin/whois"],
      tag: TAG,
      operations: {
        // Not a GET: keys do not belong into URLs, which end up in logs.
        POST: operation("Tell whose key it is", async (request) =>
          json(200, await users.whois(checked(whoisSchema, documentOf(request)).auth)),
        ),
      },
    },
    {
      paths: ["/admin/namespaces/:namespace"],
      tag: TAG,
      operations: {
        GET: operation("Tell who has a namespace", async (request) =>
          json(200, await users.identitiesOf(named(request, "namespace"))),
        ),
      },
    },
    {
      paths: ["/admin/limits/:namespace"],
      tag: TAG,
      operations: {
        GET: operation("Read what was set for a namespace", async (request) =>
          json(200, await limits.get(named(request, "namespace"))),
        ),
        PUT: operation("Set limits of a namespace; those not named stay", async (request) =>
          json(200, await limits.set(named(request, "namespace"), parseLimits(documentOf(request)))),
        ),
        DELETE: operation("Take back all limits set for a namespace", async (request) =>
          json(200, await limits.remove(named(request, "namespace"))),
        ),
      },
    },
  ];
}

function operation(summary: string, handle: (request: ApiRequest) => Promise<Answer>): CallerOperation {
  return {
    access: "caller",
    summary,
    statuses: STATUSES,
    handle: async (request: ApiRequest, identity: Identity) => {
      requireSystem(identity);
      return await handle(request);
    },
  };
}

function named(request: ApiRequest, parameter: "subject" | "namespace"): string {
  const text = request.params[parameter] ?? "";
  if (text === "") throw new PlatformError("request/malformed", `no ${parameter} is named`);
  return text;
}

/** A query parameter. One that is unknown or given twice is refused: a deletion must not take more than was meant. */
function query(request: ApiRequest, name: string, others: readonly string[] = []): string | undefined {
  const strange = Object.keys(request.query).find((one) => one !== name && !others.includes(one));
  if (strange !== undefined)
    throw new PlatformError("request/malformed", `The query parameter '${strange}' is unknown.`);
  const value = request.query[name];
  if (value === undefined || typeof value === "string") return value;
  throw new PlatformError("request/malformed", `The query parameter '${name}' was given more than once.`);
}

function checked<Body>(schema: z.ZodType<Body>, body: JsonValue): Body {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const what = issue?.code === "unrecognized_keys" ? `unknown field ${issue.keys.join(", ")}` : issue?.message;
  throw malformed([...(issue?.path ?? []), what].join(": "));
}

function subjectView({ subject, blocked, namespaces }: Subject): object {
  return {
    subject,
    blocked,
    namespaces: namespaces.map(({ name, uuid, key, limits }): JsonObject => ({
      name,
      auth: `${uuid}:${key}`,
      ...(limits === undefined ? {} : { limits }),
    })),
  };
}
