/**
 * Passes exchanges through OpenWhisk's own description of its API (test/fixtures/apiv1swagger.json), both ways, as OpenWhisk's test
 * client does. An answer with an undeclared status, or a body of the wrong shape, fails the test that got it; so does a request with
 * an undeclared parameter or body that was carried out all the same. What is refused may be as wrong as it likes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";

export interface Exchange {
  readonly method: string;
  /** With the prefix and the query. */
  readonly path: string;
  /** Parsed; undefined when none was sent, or it was not JSON. */
  readonly requestBody?: unknown;
  readonly status: number;
  readonly responseBody: unknown;
}

interface Schema {
  readonly $ref?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly type?: string;
  readonly required?: boolean;
  readonly schema?: Schema;
}

export interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly schema?: Schema }>>;
}

export interface Description {
  readonly basePath: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
  readonly definitions: Record<string, { properties?: Record<string, Record<string, unknown>>; type?: string }>;
}

/**
 * Where OpenWhisk answers what its description does not declare. Each has its reason; anything else undeclared is a fault of ours.
 * `*` stands for every operation.
 */
const UNDECLARED: readonly {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly why: string;
}[] = [
  {
    method: "*",
    path: "*",
    status: 400,
    why: "bad names and query values are refused everywhere, declared for some operations only",
  },
  {
    method: "*",
    path: "*",
    status: 403,
    why: "foreign namespaces are refused everywhere, declared for some operations only",
  },
  { method: "*", path: "*", status: 503, why: "no usable invoker, or a store that does not answer; never declared" },
  { method: "*", path: "*", status: 413, why: "bodies are bounded everywhere; declared for PUT only" },
  { method: "*", path: "*", status: 415, why: "the HTTP library refuses other content types before the API sees them" },
  { method: "*", path: "*", status: 414, why: "the HTTP library refuses long URIs before the API sees them" },
  { method: "GET", path: "/actions/{", status: 409, why: "a name of another collection is a conflict, for reads too" },
  {
    method: "POST",
    path: "/actions/{",
    status: 409,
    why: "a name of another collection is a conflict, for invocations too",
  },
  { method: "PUT", path: "/actions/{", status: 404, why: "the package of a packaged action may be missing" },
  { method: "*", path: "/triggers/{", status: 409, why: "a name of another collection is a conflict, for all verbs" },
  { method: "*", path: "/rules/{", status: 409, why: "a name of another collection is a conflict, for all verbs" },
  { method: "GET", path: "/packages/{", status: 422, why: "a binding of itself, which only a damaged store can hold" },
];

const LISTS = /\/(?:actions|triggers|rules|packages|activations)$/;
const COUNTED = /^(?:true|yes|on|1)$/i;

/** What OpenWhisk takes in a query without declaring it. */
const UNDECLARED_QUERY: readonly { readonly path: RegExp; readonly name: string; readonly why: string }[] = [
  {
    path: LISTS,
    name: "count",
    why: "all lists count, and none says so",
  },
];

/** What OpenWhisk's HTTP library takes for a flag. */
const FLAG = /^(?:true|false|yes|no|on|off|1|0|)$/i;
const INTEGER = /^(?:[+-]?\d+|)$/;

/** Where a declared shape contradicts what OpenWhisk answers. */
function mend(definitions: Description["definitions"]): void {
  // The list of kinds is one release's manifest; other platforms have other runtimes.
  delete definitions["ActionExec"]?.properties?.["kind"]?.["enum"];
  // In lists, a package that is no binding has `false` where one that is read has `{}`.
  const binding = definitions["Package"]?.properties?.["binding"];
  if (binding !== undefined) {
    binding["anyOf"] = [{ const: false }, { $ref: binding["$ref"] }];
    delete binding["$ref"];
  }
  // Status 3 (whisk internal error) exists, in records and in lists.
  for (const name of ["ActivationBrief", "Activation"]) {
    const statusCode = definitions[name]?.properties?.["statusCode"];
    if (statusCode !== undefined) statusCode["enum"] = [0, 1, 2, 3];
  }
  // Definitions with properties mean objects, though they do not say so.
  for (const definition of Object.values(definitions)) {
    if (definition.properties !== undefined) definition.type = "object";
  }
}

/** OpenWhisk's description, mended where it is wrong. */
export const description: Description = load();
const ajv = new Ajv({ strict: false, allErrors: true, formats: { int32: true } });
ajv.addSchema({ $id: "openwhisk", definitions: description.definitions });
const compiled = new Map<string, ValidateFunction>();
const templates = Object.keys(description.paths).map((template) => ({ template, pattern: patternOf(template) }));

/** Throws an assertion error when the exchange is not one that OpenWhisk's description allows. */
export function checkExchange(exchange: Exchange, { requests } = { requests: true }): void {
  const found = operationOf(exchange);
  if (found === undefined) return;
  const { operation, template } = found;
  const where = `${exchange.method} ${exchange.path} -> ${exchange.status}`;
  // Web actions take and give what their authors like, and the description says no more than that.
  if (template.startsWith("/web/")) return;
  if (requests && exchange.status < 300) checkRequest({ operation, template }, exchange, where);
  const declared = operation.responses[String(exchange.status)] ?? operation.responses["default"];
  if (declared === undefined) {
    assert.ok(isTolerated(exchange, template), `${where}: a status that OpenWhisk does not declare`);
    check({ $ref: "#/definitions/ErrorMessage" }, exchange.responseBody, where);
    return;
  }
  const schema = declared.schema ?? description.responses[declared.$ref?.split("/").at(-1) ?? ""]?.schema;
  if (schema !== undefined) checkResponse({ schema, template }, exchange, where);
}

function checkRequest({ operation, template }: Found, exchange: Exchange, where: string): void {
  checkQuery({ operation, template }, exchange, where);
  const body = operation.parameters?.find((parameter) => parameter.in === "body");
  const sent = exchange.requestBody;
  if (sent === undefined)
    return assert.ok(body?.required !== true, `${where}: taken without the body that is required`);
  assert.ok(body !== undefined, `${where}: taken with a body that OpenWhisk does not declare`);
  if (body.schema !== undefined) check(body.schema, sent, `${where} (request)`);
}

function checkQuery({ operation, template }: Found, { path }: Exchange, where: string): void {
  for (const [name, value] of new URLSearchParams(path.split("?")[1] ?? "")) {
    if (UNDECLARED_QUERY.some((row) => row.name === name && row.path.test(template))) continue;
    const declared = operation.parameters?.find((parameter) => parameter.in === "query" && parameter.name === name);
    assert.ok(declared !== undefined, `${where}: taken with '${name}', a parameter that OpenWhisk does not declare`);
    const form = declared.type === "boolean" ? FLAG : declared.type === "integer" ? INTEGER : /^/;
    assert.match(value, form, `${where}: '${name}' is declared as ${declared.type}`);
  }
}

function checkResponse(
  { schema, template }: { readonly schema: Schema; readonly template: string },
  exchange: Exchange,
  where: string,
): void {
  const query = new URLSearchParams(exchange.path.split("?")[1] ?? "");
  // `count` is not described at all; `docs` is, but its longer answer is not.
  const counts = LISTS.test(template) && COUNTED.test(query.get("count") ?? "");
  if (counts && exchange.status === 200) {
    check({ type: "object", additionalProperties: { type: "integer" } } as Schema, exchange.responseBody, where);
    return;
  }
  // A 500 with the record of a failed activation is described as an error message.
  if (exchange.status === 500 && exchange.method === "POST" && "activationId" in Object(exchange.responseBody)) {
    check({ $ref: "#/definitions/Activation" }, exchange.responseBody, where);
    return;
  }
  check(schema, exchange.responseBody, where);
}

interface Found {
  readonly operation: Operation;
  readonly template: string;
}

/** The operation an exchange is about; undefined outside of the description (paths that are not described, other verbs). */
function operationOf(exchange: Exchange): Found | undefined {
  const path = exchange.path.split("?")[0] ?? "";
  if (!path.startsWith(`${description.basePath}/`)) return undefined;
  // A slash at the end makes no difference to a collection; behind a name it is another path.
  const rest = path.slice(description.basePath.length);
  const match = templates.find(({ template, pattern }) =>
    pattern.test(template.endsWith("}") ? rest : rest.replace(/\/$/, "")),
  );
  const operation =
    match === undefined ? undefined : description.paths[match.template]?.[exchange.method.toLowerCase()];
  if (match === undefined || operation === undefined) return undefined;
  return { operation, template: match.template };
}

function isTolerated(exchange: Exchange, template: string): boolean {
  return UNDECLARED.some(
    ({ method, path, status }) =>
      status === exchange.status &&
      (method === "*" || method === exchange.method) &&
      (path === "*" || template.includes(path)),
  );
}

function check(schema: Schema, body: unknown, where: string): void {
  const key = JSON.stringify(schema);
  let validate = compiled.get(key);
  if (validate === undefined) {
    validate = ajv.compile(JSON.parse(key.replaceAll('"#/definitions/', '"openwhisk#/definitions/')) as object);
    compiled.set(key, validate);
  }
  assert.ok(validate(body), `${where}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body)?.slice(0, 400)}`);
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/[.]/g, "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}

function load(): Description {
  const text = readFileSync(new URL("../fixtures/apiv1swagger.json", import.meta.url), "utf8");
  const parsed = JSON.parse(text) as Description;
  mend(parsed.definitions);
  return parsed;
}
