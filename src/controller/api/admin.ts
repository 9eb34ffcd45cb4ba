import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import type { Subject } from "../../store/ports.ts";
import type { Identity } from "../entitlement/identity.ts";
import { parseLimits } from "../entitlement/limits.ts";
import { requireSystem } from "../entitlement/rights.ts";
import type { SubjectAdmin, SubjectPut } from "../entitlement/subject-admin.ts";
import { type Answer, json } from "./answer.ts";
import { documentOf } from "./body.ts";
import { malformed } from "./failure.ts";
import { page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const TAG = "Administration";
const STATUSES = [200, 400, 403, 404, 409, 415];

const createSchema: z.ZodType<SubjectPut> = z.strictObject({
  namespace: z.string().exactOptional(),
  auth: z.string().exactOptional(),
  revoke: z.boolean().exactOptional(),
  force: z.boolean().exactOptional(),
});
const blockSchema = z.strictObject({ blocked: z.boolean() });
const whoisSchema = z.strictObject({ auth: z.string() });

/** The routes by which operators make users and set their limits; all of them take the key of whisk.system. */
export function adminRoutes(admin: SubjectAdmin): readonly Route[] {
  const user = "/admin/users/:subject";
  const limits = "/admin/limits/:namespace";
  return [
    {
      paths: ["/admin/users", "/admin/users/"],
      tag: TAG,
      operations: {
        GET: operation("List users by name", async (request) => {
          const { limit } = page(request.query, "users");
          const after = request.query["after"];
          const subjects = await admin.list(typeof after === "string" ? after : undefined, limit);
          return json(200, subjects.map(subjectView));
        }),
      },
    },
    {
      paths: [user],
      tag: TAG,
      operations: {
        GET: operation("Read a user with the keys of its namespaces", async (request) =>
          json(200, subjectView(await admin.get(named(request, "subject")))),
        ),
        PUT: operation("Create a user, a namespace of one, or a new key", async (request) =>
          json(200, await admin.create(named(request, "subject"), read(createSchema, request))),
        ),
        POST: operation("Block a user, or let it in again", async (request) => {
          const { blocked } = read(blockSchema, request);
          const subject = named(request, "subject");
          await admin.setBlocked(subject, blocked);
          return json(200, { subject, blocked });
        }),
        DELETE: operation("Delete a user, or one namespace of it, with everything in it", async (request) => {
          const { namespace } = request.query;
          const subject = named(request, "subject");
          const only = typeof namespace === "string" ? namespace : undefined;
          return json(200, { subject, ...(await admin.remove(subject, only)) });
        }),
      },
    },
    {
      paths: ["/admin/whois"],
      tag: TAG,
      operations: {
        // Not a GET: keys do not belong into URLs, which end up in logs.
        POST: operation("Tell whose key it is", async (request) =>
          json(200, await admin.whois(read(whoisSchema, request).auth)),
        ),
      },
    },
    {
      paths: ["/admin/namespaces/:namespace"],
      tag: TAG,
      operations: {
        GET: operation("Tell who has a namespace", async (request) =>
          json(200, await admin.keysOf(named(request, "namespace"))),
        ),
      },
    },
    {
      paths: [limits],
      tag: TAG,
      operations: {
        GET: operation("Read what was set for a namespace", async (request) =>
          json(200, (await admin.limitsOf(named(request, "namespace"))) ?? {}),
        ),
        PUT: operation("Set limits of a namespace; those not named stay", async (request) => {
          const namespace = named(request, "namespace");
          await admin.setLimits(namespace, parseLimits(documentOf(request)));
          return json(200, (await admin.limitsOf(namespace)) ?? {});
        }),
        DELETE: operation("Take back all limits set for a namespace", async (request) => {
          const namespace = named(request, "namespace");
          const before = await admin.limitsOf(namespace);
          await admin.setLimits(namespace, undefined);
          return json(200, before ?? {});
        }),
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

function read<Body>(schema: z.ZodType<Body>, request: ApiRequest): Body {
  const body: JsonValue = documentOf(request);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw malformed(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "an object is expected"}`);
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
