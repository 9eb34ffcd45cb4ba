import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between two tries; a runtime takes 30 and more to start. */
const RETRY_MS = 10;
/** Milliseconds for one try: a packet to an address that is not there yet is answered by nobody. Chosen. */
const TRY_MS = 250;

/** Resolves true when something takes connections at an address, false when the time or `signal` ends the wait. Never rejects. */
export async function untilListening(
  address: { readonly host: string; readonly port: number },
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const end = performance.now() + options.timeoutMs;
  while (!options.signal.aborted && performance.now() < end) {
    if (await takesConnections(address)) return true;
    await delay(RETRY_MS);
  }
  return false;
}

/** The connection is closed again: a server may close one that waits long for its first request just when that is sent. */
function takesConnections({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (takes: boolean) => {
      socket.destroy();
      resolve(takes);
    };
    socket.setTimeout(TRY_MS, () => settle(false));
    socket.on("connect", () => settle(true));
    socket.on("error", () => settle(false));
  });
}
