import { lazyRouteComponent, type AsyncRouteComponent } from "@tanstack/react-router";
import { part, patiently } from "@/routes/part";

type Load<Props> = () => Promise<{ default: (props: Props) => unknown }>;

const known = new Set<AsyncRouteComponent<never>>();

/** A page that is loaded when it is first needed, or ahead. While the server is away the router shows that it failed. */
export function lazyPage(load: Load<object>): AsyncRouteComponent<object> {
  return remembered(lazyRouteComponent(() => part(load)));
}

/** The same for a part of a page, such as a dialog. It must not take the page with it: it waits until the server is back. */
export function lazyPart<Props>(load: Load<Props>): AsyncRouteComponent<Props> {
  return remembered(lazyRouteComponent(() => patiently(load)));
}

/** Fetches all that is not there yet, one after the other; parts that a page brings along come after it. */
export async function fetchAhead(): Promise<void> {
  for (const each of known) await each.preload?.();
}

function remembered<Props>(component: AsyncRouteComponent<Props>): AsyncRouteComponent<Props> {
  known.add(component as AsyncRouteComponent<never>);
  return component;
}
