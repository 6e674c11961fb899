import type { QueryClient, QueryKey } from "@tanstack/react-query";

/**
 * Asks again for all that is shown under these keys. An answer that is on its way may be older than what makes us ask:
 * it is waited for (a flood of events must not cancel it time and again), and then asked for once more.
 */
export function askAgain(client: QueryClient, ...changed: readonly QueryKey[]): void {
  for (const queryKey of changed) {
    const underway = client.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" });
    void client.invalidateQueries({ queryKey, fetchStatus: "idle" });
    for (const query of underway) {
      const again = () => client.invalidateQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: false });
      void query.promise?.then(again, again);
    }
  }
}

/** The line was down: requests of that time may never be answered, and whatever is known may be old. */
export async function askAllAnew(client: QueryClient): Promise<void> {
  await client.cancelQueries();
  await client.invalidateQueries();
}
