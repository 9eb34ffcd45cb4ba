import type { FastifyRequest } from "fastify";
import type { Identity } from "../entitlement/identity.ts";
import type { Answer } from "./answer.ts";

/** A request as handlers see it: bodies are text until someone needs them. */
export type ApiRequest = FastifyRequest<{
  Params: Readonly<Record<string, string>>;
  Querystring: Readonly<Record<string, string | readonly string[] | undefined>>;
  Body: string | undefined;
}>;

export type Verb = "GET" | "PUT" | "POST" | "DELETE";

type Answered = Answer | Promise<Answer>;

interface OperationText {
  /** One line for the API's own description. */
  readonly summary: string;
  /** Names of the query parameters it knows. */
  readonly query?: readonly string[];
  /** Statuses it may answer with, besides those that any operation may. */
  readonly statuses: readonly number[];
  /** Bytes of the body; the server's bound when absent. */
  readonly bodyBytesMax?: number;
}

/** Something that anyone may ask for. */
export interface OpenOperation extends OperationText {
  readonly access: "anyone";
  readonly handle: (request: ApiRequest) => Answered;
}

/** Something that needs to know who asks. */
export interface CallerOperation extends OperationText {
  readonly access: "caller";
  readonly handle: (request: ApiRequest, identity: Identity) => Answered;
}

export type Operation = OpenOperation | CallerOperation;

/** What is served at one path (or several that mean the same); any other verb there is refused by name. */
export interface Route {
  /** In the framework's notation: `/namespaces/:namespace/actions/:name`. */
  readonly paths: readonly string[];
  readonly tag: string;
  readonly operations: Readonly<Partial<Record<Verb, Operation>>>;
}
