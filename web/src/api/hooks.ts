import { useSyncExternalStore } from "react";
import { session, type SessionState } from "./session";

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.get);
}

/** Whether the person who is signed in may do this, for example `alerts:manage`. */
export function useCan(permission: string): boolean {
  const { user } = useSession();
  return user?.permissions.some((held) => held === permission || held === "*") ?? false;
}

/** The site's time zone, in which every time on the screens is shown. */
export function useTimeZone(): string {
  const { user } = useSession();
  return user?.organisation.timezone ?? "UTC";
}
