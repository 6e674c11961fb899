import { createRootRouteWithContext, createRoute, createRouter, redirect } from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { ensureSession } from "@/api/session";
import { AppFrame } from "@/components/frame/AppFrame";
import { lazyPage } from "@/components/lazyPart";
import { parseSearch, stringifySearch } from "@/lib/urlState";
import { NotFound, RouteError } from "./fallbacks";

interface Context {
  queries: QueryClient;
}

const root = createRootRouteWithContext<Context>()();

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyPage(() => import("@/features/login/LoginPage")),
});

/** The pages, each a part of its own that is loaded when it is first needed. */
const pages = {
  overview: lazyPage(() => import("@/features/overview/OverviewPage")),
  devices: lazyPage(() => import("@/features/devices/DevicesPage")),
  device: lazyPage(() => import("@/features/devicedetail/DeviceDetailPage")),
  explore: lazyPage(() => import("@/features/explore/ExplorePage")),
  alerts: lazyPage(() => import("@/features/alerts/AlertsPage")),
  system: lazyPage(() => import("@/features/system/SystemPage")),
  storage: lazyPage(() => import("@/features/storage/StoragePage")),
};

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
  component: pages.overview,
});

const devices = createRoute({
  getParentRoute: () => frame,
  path: "/devices",
  component: pages.devices,
});

/** A way to the dialog that can be linked to. */
const newDevice = createRoute({
  getParentRoute: () => frame,
  path: "/devices/new",
  beforeLoad: () => {
    throw redirect({ to: "/devices", search: { new: "1" } as never });
  },
});

const device = createRoute({
  getParentRoute: () => frame,
  path: "/devices/$deviceId",
  component: pages.device,
});

const explore = createRoute({
  getParentRoute: () => frame,
  path: "/history",
  component: pages.explore,
});

const alerts = createRoute({
  getParentRoute: () => frame,
  path: "/alerts",
  component: pages.alerts,
});

const system = createRoute({
  getParentRoute: () => frame,
  path: "/admin/system",
  component: pages.system,
});

const storage = createRoute({
  getParentRoute: () => frame,
  path: "/admin/storage",
  component: pages.storage,
});

const unknown = createRoute({ getParentRoute: () => frame, path: "$", component: NotFound });

const routeTree = root.addChildren([login, frame.addChildren([overview, devices, newDevice, device, explore, alerts, system, storage, unknown])]);

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
