import { STATUS_CODES } from "node:http";
import { ANSWERS, type AnswerShape, type Schema, schemaOfAnswer } from "./description-answers.ts";
import { schemaOfBody } from "./description-bodies.ts";
import type { Operation, Route } from "./route.ts";

const PARAMETER = /:(\w+)/g;
const INTEGERS = new Set(["limit", "skip", "timeout", "since", "upto"]);
const TEXTS = new Set(["name"]);

/** The description of an API, as far as anybody reads it here. */
export interface ApiDescription {
  readonly swagger: "2.0";
  readonly info: { readonly title: string; readonly description: string; readonly version: string };
  readonly basePath: string;
  /** By path, then by verb in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

export interface DescribedOperation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters: readonly DescribedParameter[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly schema?: Schema }>>;
}

interface DescribedParameter {
  readonly name: string;
  readonly in: "path" | "query" | "body";
  readonly required: boolean;
  /** Of those that are no body. */
  readonly type?: string;
  readonly schema?: Schema;
}

/** A description of the API (Swagger 2.0), made of the routes that are served, so that it cannot promise what is not there. */
export function describe(
  routes: readonly Route[],
  options: { readonly version: string; readonly prefix: string },
): ApiDescription {
  const paths = routes.map((route) => [
    (route.paths[0] ?? "").replaceAll(PARAMETER, "{$1}"),
    Object.fromEntries(
      Object.entries(route.operations).map(([verb, operation]) => [
        verb.toLowerCase(),
        describeOperation(route, operation),
      ]),
    ),
  ]);
  const description = {
    swagger: "2.0" as const,
    info: { title: "Skein REST API", description: "Compatible with OpenWhisk's", version: options.version },
    produces: ["application/json"],
    basePath: options.prefix,
    securityDefinitions: { basicAuth: { type: "basic" } },
    security: [{ basicAuth: [] }],
    paths: Object.fromEntries(paths) as ApiDescription["paths"],
    definitions: ANSWERS,
  };
  return description;
}

function describeOperation(route: Route, operation: Operation): DescribedOperation {
  const inPath: readonly DescribedParameter[] = [...(route.paths[0] ?? "").matchAll(PARAMETER)].map(
    ([, name = ""]) => ({
      name,
      in: "path",
      required: true,
      type: "string",
    }),
  );
  const inQuery: readonly DescribedParameter[] = (operation.query ?? []).map((name) => ({
    name,
    in: "query",
    required: false,
    type: typeOf(name),
  }));
  const { body, answers = {} } = operation;
  const inBody = body === undefined ? [] : [describeBody(body)];
  const statuses = operation.access === "caller" ? [...operation.statuses, 401, 500] : operation.statuses;
  return {
    tags: [route.tag],
    ...(operation.access === "anyone" ? { security: [] } : {}),
    summary: operation.summary,
    parameters: [...inPath, ...inQuery, ...inBody],
    responses: Object.fromEntries(
      [...statuses].sort((a, b) => a - b).map((status) => [status, describeStatus(status, answers[status])]),
    ),
  };
}

function describeBody({ name, schema, required }: NonNullable<Operation["body"]>): DescribedParameter {
  return { name, in: "body", required, schema: schemaOfBody(schema) };
}

function describeStatus(status: number, shape: AnswerShape | undefined): { description: string; schema?: Schema } {
  const description = STATUS_CODES[status] ?? String(status);
  if (shape !== undefined) return { description, schema: schemaOfAnswer(shape) };
  // A 502 may also carry the record of a function that failed.
  return status < 400 || status === 502 ? { description } : { description, schema: schemaOfAnswer("ErrorMessage") };
}

function typeOf(name: string): string {
  if (INTEGERS.has(name)) return "integer";
  return TEXTS.has(name) ? "string" : "boolean";
}
