import type { PromisedActivation } from "../../kernel/activation.ts";

/** OpenWhisk's four words for how an invoker is. */
export type InvokerHealth = "up" | "unhealthy" | "unresponsive" | "down";

/** Sums over the invokers that this controller uses. */
export interface FleetFigures {
  /** Containers by what they do. */
  readonly containers: Readonly<Record<string, number>>;
  /** Megabytes by what they are for. */
  readonly memoryMb: Readonly<Record<string, number>>;
  /** Activations since the start, by what their container was before: `cold`, `prewarmed`, `warm`. */
  readonly starts: Readonly<Record<string, number>>;
  /** Activations taken and not over. */
  readonly inFlight: number;
  /** Of those, the ones that wait for a container. */
  readonly buffered: number;
}

/** What a controller knows of its invokers, for operators. */
export interface FleetView {
  /** By name: `invoker0`, `invoker1`. */
  readonly invokers: () => Readonly<Record<string, InvokerHealth>>;
  readonly figures: () => FleetFigures;
  /** Activations that an invoker was given and that are not over. */
  readonly active: () => Iterable<PromisedActivation>;
}
