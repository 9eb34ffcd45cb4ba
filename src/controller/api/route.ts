import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Identity } from "../entitlement/identity.ts";
import type { Answer } from "./answer.ts";
import type { AnswerShape } from "./description-answers.ts";

/** A request as handlers see it: bodies are text until someone needs them. */
export type ApiRequest = FastifyRequest<{
  Params: Readonly<Record<string, string>>;
  Querystring: Readonly<Record<string, string | readonly string[] | undefined>>;
  Body: string | undefined;
}>;

export type Verb = "GET" | "PUT" | "POST" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH";

type Answered = Answer | Promise<Answer>;

/** What an operation reads of a body. */
export interface BodyText {
  /** What the API's description calls it. */
  readonly name: string;
  /** The schema that checks it. */
  readonly schema: z.ZodType;
  /** False where nothing means an empty object. */
  readonly required: boolean;
}

interface OperationText {
  /** One line for the API's own description. */
  readonly summary: string;
  /** Names of the query parameters it knows. */
  readonly query?: readonly string[];
  /** Statuses it may answer with, besides those that any operation may. */
  readonly statuses: readonly number[];
  readonly body?: BodyText;
  /** What answers look like, by status; what is missing has OpenWhisk's error object, or nothing that could be described. */
  readonly answers?: Readonly<Record<number, AnswerShape>>;
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
  /**
   * Where everything below one path is served alike, that path with its wildcard; `paths` is then what the description says. Its
   * operations read paths, queries and bodies themselves, byte for byte, and answer errors themselves.
   */
  readonly subtree?: string;
  readonly tag: string;
  readonly operations: Readonly<Partial<Record<Verb, Operation>>>;
}
