import { Counter, type Registry } from "prom-client";

const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Answers of one verb at one route, by the first digit of their status. Plain numbers: a labelled counter costs ten times as much. */
export class HttpTally {
  readonly counts: number[] = CLASSES.map(() => 0);

  count(status: number): void {
    const index = Math.floor(status / 100) - 1;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
  }
}

/** All of them. As many as there are routes, whatever paths are asked for. */
export class HttpTallies {
  readonly #tallies = new Map<string, { readonly method: string; readonly route: string; readonly tally: HttpTally }>();

  /** The one of this verb and route, the same at each call. */
  tally(method: string, route: string): HttpTally {
    const key = `${method} ${route}`;
    let entry = this.#tallies.get(key);
    if (entry === undefined) {
      entry = { method, route, tally: new HttpTally() };
      this.#tallies.set(key, entry);
    }
    return entry.tally;
  }

  /** Has them read out whenever the registry is. Only what was asked for is told. */
  register(registers: Registry[]): void {
    const counter: Counter = new Counter({
      name: "counter_http_requests_total",
      help: "Requests answered, by route and class of status",
      labelNames: ["method", "route", "status"],
      registers,
      collect: () => this.#fill(counter),
    });
  }

  #fill(counter: Counter): void {
    counter.reset();
    for (const { method, route, tally } of this.#tallies.values()) {
      for (const [index, count] of tally.counts.entries()) {
        if (count > 0) counter.inc({ method, route, status: CLASSES[index] ?? "" }, count);
      }
    }
  }
}
