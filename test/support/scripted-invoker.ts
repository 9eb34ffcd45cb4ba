import type { ActivationMessage } from "../../src/kernel/activation.ts";
import type { DispatchEvents, InvokerPort } from "../../src/kernel/dispatch.ts";

/** An invoker that does what the test says: every dispatch waits in `taken` for the test to play its events. */
export class ScriptedInvoker implements InvokerPort {
  readonly taken: { readonly message: ActivationMessage; readonly events: DispatchEvents }[] = [];
  #wake: (() => void) | undefined;

  dispatch(message: ActivationMessage, events: DispatchEvents): void {
    this.taken.push({ message, events });
    this.#wake?.();
  }

  /** The next dispatch, now or when it comes. */
  async next(): Promise<{ readonly message: ActivationMessage; readonly events: DispatchEvents }> {
    for (;;) {
      const first = this.taken.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
