import { cpuMsOf, descendantsOf, memoryOf } from "../harness/proc.ts";
import type { Generator } from "../load/generator.ts";
import type { Job, Target } from "../load/job.ts";
import { type Summary, summarize } from "../report/summary.ts";

/** Who takes part in an interleaved run. */
export interface Contender {
  readonly target: Target;
  readonly pid: number;
  /** Its child processes count as its containers. */
  readonly containers: boolean;
}

export interface Slice {
  readonly latencyUs: Summary;
  readonly perSecond: number;
}

/** All slices of one target under one load, together. CPU in microseconds per request. */
export interface Row extends Slice {
  readonly label: string;
  readonly target: string;
  readonly serverCpuUs: number;
  readonly containersCpuUs: number;
  readonly generatorCpuUs: number;
  readonly rssMb: number;
}

interface Sums {
  readonly contender: Contender;
  readonly label: string;
  readonly slices: Slice[];
  readonly latenciesUs: Float64Array[];
  completed: number;
  answered: number;
  elapsedMs: number;
  serverCpuMs: number;
  containersCpuMs: number;
  generatorCpuMs: number;
}

/** Runs slices of several targets in turns, so that whatever else the machine does falls on all of them, and keeps the books. */
export class Slices {
  readonly #generator: Generator;
  readonly #contenders: readonly Contender[];
  readonly #sums = new Map<string, Sums>();
  readonly #lateUs: Float64Array[] = [];
  #rounds = 0;

  constructor(generator: Generator, contenders: readonly Contender[]) {
    this.#generator = generator;
    this.#contenders = contenders;
  }

  /** One slice of each target; each round starts with another one, so that no target always follows the same neighbour. */
  async round(load: Omit<Job, "target"> & { readonly label?: string }): Promise<void> {
    const first = this.#rounds % this.#contenders.length;
    this.#rounds += 1;
    const order = [...this.#contenders.slice(first), ...this.#contenders.slice(0, first)];
    for (const contender of order) await this.#slice(contender, load, load.label ?? "");
  }

  /** Drops what was measured so far: it was the warm-up. */
  forget(): void {
    this.#sums.clear();
    this.#lateUs.length = 0;
  }

  /** One target's slices under one load, in the order of the rounds. */
  of(target: string, label: string): readonly Slice[] {
    return this.#sums.get(`${label} ${target}`)?.slices ?? [];
  }

  /** Microseconds by which open-loop requests left late through the generator's own fault. */
  lateUs(): Summary {
    return summarize(together(this.#lateUs));
  }

  rows(): readonly Row[] {
    const loads = [...new Set([...this.#sums.values()].map((sums) => sums.label))];
    const targets = this.#contenders.map((contender) => contender.target.name);
    return loads.flatMap((label) =>
      targets.flatMap((target) => {
        const sums = this.#sums.get(`${label} ${target}`);
        return sums === undefined ? [] : [rowOf(sums)];
      }),
    );
  }

  async #slice(contender: Contender, load: Omit<Job, "target">, label: string): Promise<void> {
    const before = this.#cpu(contender);
    const result = await this.#generator.run({ ...load, target: contender.target });
    const after = this.#cpu(contender);
    const key = `${label} ${contender.target.name}`;
    const sums = this.#sums.get(key) ?? newSums(contender, label);
    this.#sums.set(key, sums);
    sums.slices.push({
      latencyUs: summarize(result.latenciesUs),
      perSecond: result.completed / (result.elapsedMs / 1000),
    });
    sums.latenciesUs.push(result.latenciesUs);
    sums.completed += result.completed;
    sums.answered += result.latenciesUs.length;
    sums.elapsedMs += result.elapsedMs;
    sums.serverCpuMs += after.server - before.server;
    sums.containersCpuMs += after.containers - before.containers;
    sums.generatorCpuMs += after.generator - before.generator;
    this.#lateUs.push(result.lateUs);
  }

  #cpu({ pid, containers }: Contender): { server: number; containers: number; generator: number } {
    return {
      server: cpuMsOf([pid]),
      containers: containers ? cpuMsOf(descendantsOf(pid)) : 0,
      generator: cpuMsOf([this.#generator.pid]),
    };
  }
}

function newSums(contender: Contender, label: string): Sums {
  return {
    contender,
    label,
    slices: [],
    latenciesUs: [],
    completed: 0,
    answered: 0,
    elapsedMs: 0,
    serverCpuMs: 0,
    containersCpuMs: 0,
    generatorCpuMs: 0,
  };
}

function rowOf(sums: Sums): Row {
  const usPerRequest = (ms: number): number => (ms * 1000) / sums.answered;
  return {
    label: sums.label,
    target: sums.contender.target.name,
    latencyUs: summarize(together(sums.latenciesUs)),
    perSecond: sums.completed / (sums.elapsedMs / 1000),
    serverCpuUs: usPerRequest(sums.serverCpuMs),
    containersCpuUs: usPerRequest(sums.containersCpuMs),
    generatorCpuUs: usPerRequest(sums.generatorCpuMs),
    rssMb: memoryOf([sums.contender.pid]).rssMb,
  };
}

function* together(parts: readonly Float64Array[]): Iterable<number> {
  for (const part of parts) yield* part;
}
