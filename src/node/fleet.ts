import type { LocalInvocations } from "../controller/invocation/invocations.ts";
import type { FleetView } from "../controller/metrics/fleet.ts";
import type { Invoker } from "../invoker/invoker.ts";

/** The one invoker of a node that is its own cluster, in OpenWhisk's terms. */
export function localFleet(invoker: Pick<Invoker, "status">, invocations: LocalInvocations): FleetView {
  return {
    invokers: () => ({ invoker0: invoker.status().health }),
    figures: () => {
      const { memoryMb, memoryUsedMb, starts, buffered, free, busy, prewarmed, paused, starting, removing } =
        invoker.status();
      return {
        containers: { free, busy, prewarmed, paused, starting, removing },
        memoryMb: { used: memoryUsedMb, free: memoryMb - memoryUsedMb },
        starts,
        inFlight: invocations.size,
        buffered,
      };
    },
    active: () => invocations.active(),
  };
}
