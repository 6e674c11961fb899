import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useCallback } from "react";

export type RawSearch = Record<string, string | undefined>;
export type UrlState<Names extends string> = Partial<Record<Names, string>>;

/**
 * A page's state in the URL's query, so that it can be sent, reloaded and gone back to.
 * `set({ sort: undefined })` takes a name out; `push` makes a step that "back" returns from.
 */
export function useUrlState<Names extends string>(): [
  UrlState<Names>,
  (change: { [Name in Names]?: string | undefined }, push?: boolean) => void,
] {
  const search: RawSearch = useRouterState({ select: (state): RawSearch => state.location.search });
  const navigate = useNavigate();
  const set = useCallback(
    (change: { [Name in Names]?: string | undefined }, push = false) => {
      const next = (old: RawSearch): RawSearch => {
        const merged: RawSearch = { ...old, ...change };
        return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined && value !== ""));
      };
      // The search of any route is a flat record of texts here; each page names its own keys.
      void navigate({ to: ".", search: next as never, replace: !push, resetScroll: false });
    },
    [navigate],
  );
  return [search as UrlState<Names>, set];
}

/** `?q=pump&sort=name`: plain texts, as people write them. */
export function parseSearch(text: string): RawSearch {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const kept = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return query && `?${query}`;
}
