import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { ensureSession } from "@/api/session";
import { AppFrame } from "@/components/frame/AppFrame";
import { parseSearch, stringifySearch } from "@/lib/urlState";
import { NotFound, RouteError } from "./fallbacks";

interface Context {
  queries: QueryClient;
}

const root = createRootRouteWithContext<Context>()();

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("@/features/login/LoginPage")),
});

/** Everything behind the sign-in. A server that cannot be reached keeps the frame: the banner says it. */
const frame = createRoute({
  getParentRoute: () => root,
  id: "frame",
  component: AppFrame,
  beforeLoad: async ({ location }) => {
    if (!(await ensureSession())) {
      throw redirect({ to: "/login", search: { next: location.href === "/" ? undefined : location.href } as never });
    }
  },
});

const overview = createRoute({
  getParentRoute: () => frame,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/overview/OverviewPage")),
});

const devices = createRoute({
  getParentRoute: () => frame,
  path: "/devices",
  component: lazyRouteComponent(() => import("@/features/devices/DevicesPage")),
});

const device = createRoute({
  getParentRoute: () => frame,
  path: "/devices/$deviceId",
  component: lazyRouteComponent(() => import("@/features/devicedetail/DeviceDetailPage")),
});

const alerts = createRoute({
  getParentRoute: () => frame,
  path: "/alerts",
  component: lazyRouteComponent(() => import("@/features/alerts/AlertsPage")),
});

const system = createRoute({
  getParentRoute: () => frame,
  path: "/admin/system",
  component: lazyRouteComponent(() => import("@/features/system/SystemPage")),
});

const routeTree = root.addChildren([login, frame.addChildren([overview, devices, device, alerts, system])]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: RouteError,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
