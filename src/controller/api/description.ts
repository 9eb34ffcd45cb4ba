import { STATUS_CODES } from "node:http";
import { ANSWERS, type AnswerShape, schemaOfAnswer } from "./description-answers.ts";
import { schemaOfBody } from "./description-bodies.ts";
import type { Operation, Route } from "./route.ts";

const PARAMETER = /:(\w+)/g;
const INTEGERS = new Set(["limit", "skip", "timeout", "since", "upto"]);
const TEXTS = new Set(["name"]);

/** A description of the API (Swagger 2.0), made of the routes that are served, so that it cannot promise what is not there. */
export function describe(
  routes: readonly Route[],
  options: { readonly version: string; readonly prefix: string },
): object {
  const paths = routes.map((route) => [
    (route.paths[0] ?? "").replaceAll(PARAMETER, "{$1}"),
    Object.fromEntries(
      Object.entries(route.operations).map(([verb, operation]) => [
        verb.toLowerCase(),
        describeOperation(route, operation),
      ]),
    ),
  ]);
  return {
    swagger: "2.0",
    info: { title: "Skein REST API", description: "Compatible with OpenWhisk's", version: options.version },
    produces: ["application/json"],
    basePath: options.prefix,
    securityDefinitions: { basicAuth: { type: "basic" } },
    security: [{ basicAuth: [] }],
    paths: Object.fromEntries(paths) as object,
    definitions: ANSWERS,
  };
}

function describeOperation(route: Route, operation: Operation): object {
  const inPath = [...(route.paths[0] ?? "").matchAll(PARAMETER)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    type: "string",
  }));
  const inQuery = (operation.query ?? []).map((name) => ({ name, in: "query", required: false, type: typeOf(name) }));
  const { body, answers = {} } = operation;
  const inBody = body === undefined ? [] : [describeBody(body)];
  const statuses = operation.access === "caller" ? [...operation.statuses, 401, 500] : operation.statuses;
  return {
    tags: [route.tag],
    summary: operation.summary,
    parameters: [...inPath, ...inQuery, ...inBody],
    responses: Object.fromEntries(
      [...statuses].sort((a, b) => a - b).map((status) => [status, describeStatus(status, answers[status])]),
    ),
  };
}

function describeBody({ name, schema, required }: NonNullable<Operation["body"]>): object {
  return { name, in: "body", required, schema: schemaOfBody(schema) };
}

function describeStatus(status: number, shape: AnswerShape | undefined): object {
  const description = STATUS_CODES[status] ?? String(status);
  if (shape !== undefined) return { description, schema: schemaOfAnswer(shape) };
  // A 502 may also carry the record of a function that failed.
  return status < 400 || status === 502 ? { description } : { description, schema: schemaOfAnswer("ErrorMessage") };
}

function typeOf(name: string): string {
  if (INTEGERS.has(name)) return "integer";
  return TEXTS.has(name) ? "string" : "boolean";
}
