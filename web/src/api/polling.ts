/** A device that has just begun to send is asked again soon: its first samples are about to be stored. */
const FIRST_MS = 2_000;

interface Asked {
  state: { data?: { meta: { count: number } } | undefined };
}

/** How long a question of history that ends now waits until it is asked again. */
export const historyInterval = (usualMs: number) => (query: Asked) => (query.state.data?.meta.count === 0 ? FIRST_MS : usualMs);
