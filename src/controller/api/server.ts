import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
  type RawRequestDefaultExpression,
} from "fastify";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { HttpTally } from "../metrics/http-tally.ts";
import { notFound } from "../entities/catalog.ts";
import { WEB_PREFIX } from "../web/address.ts";
import { vanityTarget } from "../web/vanity.ts";
import { actionRoutes } from "./actions.ts";
import { adminRoutes } from "./admin.ts";
import { activationRoutes } from "./activations.ts";
import { alarmRoutes } from "./alarms.ts";
import { type Answer, send } from "./answer.ts";
import type { ApiContext, ListenOptions } from "./context.ts";
import { answerFailure, answerSocketFault } from "./failure.ts";
import { API_PREFIX, infoRoutes } from "./info.ts";
import { namespaceRoutes } from "./namespaces.ts";
import { operatorRoutes } from "./operators.ts";
import { packageRoutes } from "./packages.ts";
import type { ApiRequest, Operation, Route } from "./route.ts";
import { ruleRoutes } from "./rules.ts";
import { transactionIds } from "./transaction.ts";
import { triggerRoutes } from "./triggers.ts";
import { webResultRoutes } from "./web-results.ts";
import { webRoutes } from "./web.ts";

/** The REST API of one controller. */
export interface Api {
  /** @throws `server/address`, `server/insecure` */
  listen(options: ListenOptions): Promise<{ readonly url: string }>;
  /** Takes nothing new, waits for what runs, cuts it at `server.shutdownMs`. Idempotent. */
  close(): Promise<void>;
}

const URI_LENGTH_MAX = 8192;
// Room for a URI of that length, so that it is refused by name, and for the headers beside it.
const HEADER_BYTES_MAX = 32_768;
/** A request must have arrived whole within this: 50 MB at 170 kB/s. */
const REQUEST_MS_MAX = 300_000;
const KEEP_ALIVE_MS = 72_000;
const VERBS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; null until it is known, and where it need not be. */
    identity: Identity | null;
    /** When that was found out, in changes of subjects. */
    identifiedAt: number;
    /** Where its answer is counted; null until it is known what it is for. */
    tally: HttpTally | null;
  }
}

/** Builds the API; nothing listens before `listen`. */
export function createApi(context: ApiContext): Api {
  return new HttpApi(context);
}

class HttpApi implements Api {
  readonly #context: ApiContext;
  /** Counts what was for nothing that is served. */
  readonly #unmatched: HttpTally;
  #server: FastifyInstance | undefined;
  #closing: Promise<void> | undefined;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#unmatched = context.metrics.httpTally("any", "none");
  }

  async listen({ host, port, tls }: ListenOptions): Promise<{ readonly url: string }> {
    const { options } = this.#context;
    if (tls === undefined && !options.server.insecure && !LOOPBACK.test(host)) {
      throw new PlatformError("server/insecure", `will not listen on ${host} without TLS`);
    }
    const server = this.#build(tls);
    this.#server = server;
    try {
      return { url: await server.listen({ host, port }) };
    } catch (error) {
      throw new PlatformError("server/address", `cannot listen on ${host}:${port}`, { cause: error });
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const cut = setTimeout(() => server.server.closeAllConnections(), this.#context.options.server.shutdownMs);
    try {
      await server.close();
    } finally {
      clearTimeout(cut);
    }
  }

  #build(tls: ListenOptions["tls"]): FastifyInstance {
    const { bodyBytesMax, vanityDomain } = this.#context.options.server;
    const options = {
      bodyLimit: bodyBytesMax,
      exposeHeadRoutes: false,
      return503OnClosing: false,
      forceCloseConnections: "idle" as const,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      genReqId: transactionIds(),
      clientErrorHandler: answerSocketFault,
      frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
        this.#fail(error, request, reply),
      routerOptions: { maxParamLength: URI_LENGTH_MAX },
      ...(vanityDomain === undefined ? {} : { rewriteUrl: vanityRewrite(vanityDomain) }),
    };
    // A missing host is refused in `#enter`: node would do it without a transaction id.
    const http = { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false };
    const server: FastifyInstance =
      tls === undefined ? fastify({ ...options, http }) : fastify({ ...options, https: { ...http, ...tls } });
    server.decorateRequest("identity", null);
    server.decorateRequest("identifiedAt", 0);
    server.decorateRequest("tally", null);
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    server.addHook("onRequest", (request, reply, done) => this.#enter(request, reply, done));
    // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1); node would answer 417 by itself.
    server.server.on("checkExpectation", (request, response) => server.server.emit("request", request, response));
    server.setErrorHandler((error, request, reply) => this.#fail(error, request, reply));
    server.setNotFoundHandler((request, reply) => this.#miss(request, reply));
    const tree = [
      ...namespaceRoutes(),
      ...actionRoutes(this.#context),
      ...activationRoutes(this.#context),
      ...packageRoutes(this.#context),
      ...triggerRoutes(this.#context),
      ...ruleRoutes(this.#context),
      ...webRoutes(this.#context),
      ...webResultRoutes(this.#context),
      ...alarmRoutes(this.#context),
    ];
    for (const route of infoRoutes(this.#context, tree)) this.#register(server, route, "");
    for (const route of operatorRoutes(this.#context)) this.#register(server, route, "");
    for (const route of adminRoutes(this.#context.admin)) this.#register(server, route, "");
    for (const route of tree) this.#register(server, route, API_PREFIX);
    return server;
  }

  /** What holds for every request, whether something is served at its path or not. */
  #enter(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    if (this.#closing !== undefined) {
      this.#fail(new PlatformError("invoker/closing", "the server is closing"), request, reply);
    } else if (request.method === "OPTIONS" && !request.url.startsWith(WEB_PREFIX)) {
      this.#send(reply, { status: 200, body: "OK", contentType: "text/plain; charset=UTF-8" });
    } else if ((request.raw.url?.length ?? 0) > URI_LENGTH_MAX) {
      const message = `URI length exceeds the configured limit of ${URI_LENGTH_MAX} characters`;
      this.#fail(new PlatformError("request/uri-too-long", message), request, reply);
    } else if (request.headers.host === undefined && request.raw.httpVersion === "1.1") {
      this.#fail(new PlatformError("request/malformed", "The request has no host header."), request, reply);
    } else {
      done();
    }
  }

  /** Everything below one path; a body is left for the operation to read, or not to read. */
  #registerSubtree(server: FastifyInstance, { subtree, operations }: Route, prefix: string): void {
    for (const [method, operation] of Object.entries(operations)) {
      const tally = this.#context.metrics.httpTally(method, `${prefix}${subtree}`);
      const run = (request: FastifyRequest, reply: FastifyReply): void => {
        request.tally = tally;
        this.#run(operation, request as ApiRequest, reply);
      };
      server.route({ method, url: `${prefix}${subtree}`, onRequest: run, handler: run });
    }
  }

  #register(server: FastifyInstance, route: Route, prefix: string): void {
    if (route.subtree !== undefined) return this.#registerSubtree(server, route, prefix);
    const served = Object.keys(route.operations);
    const caller = Object.values(route.operations).some((operation) => operation.access === "caller");
    const allow = served.join(", ");
    const refuse = (request: FastifyRequest, reply: FastifyReply): void => {
      const message = `HTTP method not allowed, supported methods: ${allow}`;
      this.#fail(new PlatformError("request/method", message, { details: { allow } }), request, reply);
    };
    const { metrics } = this.#context;
    // The first of several paths that mean the same stands for all of them.
    const counted = prefix + (route.paths[0] ?? "");
    const enter = (verb: string, identified: boolean) => {
      const tally = metrics.httpTally(verb, counted);
      return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
        request.tally = tally;
        if (identified) this.#identify(request, reply, done);
        else done();
      };
    };
    for (const path of route.paths) {
      const url = prefix + path;
      for (const [verb, operation] of Object.entries(route.operations)) {
        server.route({
          method: verb,
          url,
          ...(operation.bodyBytesMax === undefined ? {} : { bodyLimit: operation.bodyBytesMax }),
          onRequest: enter(verb, operation.access === "caller"),
          handler: (request, reply) => this.#run(operation, request as ApiRequest, reply),
        });
      }
      server.route({
        method: VERBS.filter((verb) => !served.includes(verb)),
        url,
        // Refused before its body is read.
        onRequest: [enter("other", caller), refuse],
        handler: refuse,
      });
    }
  }

  /** Finds out who asks, at once when that is known; refuses whoever is nobody before a body is read. */
  #identify(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const header = request.headers.authorization;
    const { authenticator } = this.#context;
    request.identifiedAt = authenticator.generation;
    const known = header === undefined ? undefined : authenticator.cached(header);
    if (known !== undefined) {
      request.identity = known;
      done();
      return;
    }
    const settle = (identity: Identity | undefined): void => {
      request.identity = identity ?? null;
      if (identity === undefined) this.#fail(unknownCaller(), request, reply);
      else done();
    };
    authenticator.authenticate(header).then(settle, (error: unknown) => this.#fail(error, request, reply));
  }

  #run(operation: Operation, request: ApiRequest, reply: FastifyReply): void {
    try {
      const answer = this.#handle(operation, request);
      if (answer instanceof Promise) {
        answer.then(
          (settled) => this.#send(reply, settled),
          (error: unknown) => this.#fail(error, request, reply),
        );
      } else {
        this.#send(reply, answer);
      }
    } catch (error) {
      this.#fail(error, request, reply);
    }
  }

  #handle(operation: Operation, request: ApiRequest): Answer | Promise<Answer> {
    if (operation.access === "anyone") return operation.handle(request);
    if (request.identity === null) throw unknownCaller();
    const { authenticator } = this.#context;
    if (request.identifiedAt === authenticator.generation) return operation.handle(request, request.identity);
    // Subjects changed while its body came, for minutes perhaps: a key that was taken away must not write any more.
    return authenticator.authenticate(request.headers.authorization).then((identity) => {
      if (identity === undefined) throw unknownCaller();
      return operation.handle(request, identity);
    });
  }

  /** Nothing is served at this path; below the API's prefix only callers are told so, as in OpenWhisk. */
  #miss(request: FastifyRequest, reply: FastifyReply): void {
    const refuse = (): void => this.#fail(notFound(), request, reply);
    if (request.url.startsWith(`${API_PREFIX}/`)) this.#identify(request, reply, refuse);
    else refuse();
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (isPlatformError(error, "limits/rate")) this.#context.metrics.onThrottled("rate");
    else if (isPlatformError(error, "limits/concurrency")) this.#context.metrics.onThrottled("concurrency");
    this.#send(reply, answerFailure(error, request, this.#context.log));
  }

  #send(reply: FastifyReply, answer: Answer): void {
    (reply.request.tally ?? this.#unmatched).count(answer.status);
    send(reply, answer, this.#closing !== undefined);
  }
}

function vanityRewrite(domain: string): (request: RawRequestDefaultExpression) => string {
  return ({ headers, url = "" }) => vanityTarget({ host: headers["host"], target: url }, domain);
}

function unknownCaller(): PlatformError<"auth/invalid"> {
  return new PlatformError("auth/invalid", "The supplied authentication is invalid");
}
