/** The server's clock, estimated from the times that it sends: ages on the screen go by it, not by this machine's. */
let offsetMs = 0;

export function learnServerTime(iso: string | undefined, receivedAt: number = Date.now()): void {
  const server = iso ? Date.parse(iso) : NaN;
  if (Number.isFinite(server)) offsetMs = server - receivedAt;
}

/** Now by the server's clock, ms UTC. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

type Listener = () => void;

/** A shared tick: however many components count seconds, one timer runs, and only while somebody looks. */
function makeTicker(intervalMs: number) {
  const listeners = new Set<Listener>();
  let timer: ReturnType<typeof setInterval> | null = null;
  let now = Date.now();
  const tick = () => {
    now = serverNow();
    listeners.forEach((listener) => listener());
  };
  return {
    get: () => now,
    subscribe: (listener: Listener): (() => void) => {
      if (timer === null) {
        now = serverNow();
        timer = setInterval(tick, intervalMs);
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && timer !== null) {
          clearInterval(timer);
          timer = null;
        }
      };
    },
  };
}

export const secondTicker = makeTicker(1_000);
