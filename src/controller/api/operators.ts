import type { PromisedActivation } from "../../kernel/activation.ts";
import type { ServerOptions } from "../../kernel/options/options.ts";
import { requireSystem } from "../entitlement/rights.ts";
import type { InvokerHealth } from "../metrics/fleet.ts";
import { type Answer, json } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import type { ApiRequest, Operation, Route } from "./route.ts";

const TAG = "Operators";
const PLAIN = "text/plain; charset=UTF-8";
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** Who may ask: everybody; the key of whisk.system; or everybody unless figures are to be seen by that key only. */
type Audience = "everyone" | "system";

interface Page {
  readonly summary: string;
  readonly audience: Audience;
  readonly statuses?: readonly number[];
  readonly answer: (request: ApiRequest) => Answer | Promise<Answer>;
}

/**
 * The routes for whoever runs the platform: OpenWhisk's, with its shapes. Health is for everybody, as load balancers have no key and
 * it says nothing of users. What runs names their actions, so it is for the key of whisk.system unless `server.metrics` is `open`:
 * on loopback the functions themselves could ask. Numbers alone are for everybody on loopback too. Closing the intake takes the key.
 */
export function operatorRoutes(context: ApiContext): readonly Route[] {
  const { fleet, metrics, options } = context;
  const figures = audienceOfFigures(options.server);
  const activations: Audience = options.server.metrics === "open" ? "everyone" : "system";
  return [
    get(["/invokers", "/invokers/"], {
      summary: "How each invoker is",
      audience: "everyone",
      answer: () => json(200, fleet.invokers()),
    }),
    get(["/invokers/healthy/count"], {
      summary: "How many invokers are up",
      audience: "everyone",
      answer: () => json(200, healthyOf(Object.values(fleet.invokers()))),
    }),
    get(["/invokers/ready"], {
      summary: "Whether enough invokers are up and the intake is open",
      audience: "everyone",
      statuses: [200, 500],
      answer: () => readiness(context),
    }),
    get(["/activation", "/activation/"], {
      summary: "What is running: pairs of an activation's id and its action",
      audience: activations,
      answer: () => json(200, Array.from(fleet.active(), pairOf)),
    }),
    get(["/activation/count"], {
      summary: "How many activations are running",
      audience: figures,
      answer: () => json(200, countOf(fleet.active())),
    }),
    get(["/metrics"], {
      summary: "Figures of this process, as Prometheus reads them",
      audience: figures,
      answer: async () => ({ status: 200, body: await metrics.text(), contentType: metrics.contentType }),
    }),
    switchRoute(context, "disable"),
    switchRoute(context, "enable"),
  ];
}

/** Who may read figures that name nobody. */
export function audienceOfFigures({ metrics, host }: Pick<ServerOptions, "metrics" | "host">): Audience {
  if (metrics === "auto") return LOOPBACK.test(host) ? "everyone" : "system";
  return metrics === "open" ? "everyone" : "system";
}

/** Whether the share of healthy invokers is at least `fraction`. None at all is not ready, whatever the fraction. */
export function isReady(counts: { readonly healthy: number; readonly all: number }, fraction: number): boolean {
  // Compared as a share: OpenWhisk divides whole numbers there, so that one sick invoker of a hundred makes it unready.
  return counts.all > 0 && counts.healthy / counts.all >= fraction;
}

function readiness({ fleet, intake, options }: ApiContext): Answer {
  const invokers = Object.values(fleet.invokers());
  const all = invokers.length;
  // A controller that gives them nothing might as well have none.
  const healthy = intake.isOpen ? healthyOf(invokers) : 0;
  if (intake.isOpen && isReady({ healthy, all }, options.server.readinessFraction)) {
    return json(200, { healthy: `${healthy}/${all}` });
  }
  return json(500, { unhealthy: `${all - healthy}/${all}` });
}

/** `POST /disable` and `POST /enable`, which say what holds then, whatever held before. */
function switchRoute({ intake, log }: ApiContext, verb: "disable" | "enable"): Route {
  const operation = operationOf({
    summary: verb === "disable" ? "Take no more activations" : "Take activations again",
    audience: "system",
    answer: (request) => {
      if (verb === "disable") intake.close();
      else intake.open();
      log.warn({ transactionId: request.id }, `the controller was ${verb}d`);
      return { status: 200, body: `controller is ${verb}d`, contentType: PLAIN };
    },
  });
  return { paths: [`/${verb}`], tag: TAG, operations: { POST: operation } };
}

function get(paths: readonly string[], page: Page): Route {
  return { paths, tag: TAG, operations: { GET: operationOf(page) } };
}

function operationOf({ summary, audience, statuses = [200], answer }: Page): Operation {
  if (audience === "everyone") return { access: "anyone", summary, statuses, handle: answer };
  return {
    access: "caller",
    summary,
    statuses: [...statuses, 403],
    handle: (request, identity) => {
      requireSystem(identity);
      return answer(request);
    },
  };
}

function healthyOf(invokers: readonly InvokerHealth[]): number {
  return invokers.filter((health) => health === "up").length;
}

function pairOf({ activationId, action }: PromisedActivation): readonly [string, string] {
  return [activationId, `${action.namespace}/${action.path}@${action.version}`];
}

function countOf(active: Iterable<unknown>): number {
  let count = 0;
  for (const _ of active) count += 1;
  return count;
}
