import { ApiError, toApiError } from "./errors";
import type { Session, User } from "./types";

/**
 * Who is signed in. The access token lives in memory only; the refresh token is an HttpOnly cookie that
 * scripts never see, so a reload asks the server for a new access token.
 */
export interface SessionState {
  status: "unknown" | "signed-in" | "signed-out";
  user: User | null;
}

const AUTH = "/api/v1/auth";

let state: SessionState = { status: "unknown", user: null };
let accessToken: string | null = null;
let refreshing: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

/** A new token is fetched when this share of the old one's life is over, so that the live connection never sees it end. */
const RENEW_AT = 0.8;
let renewal: ReturnType<typeof setTimeout> | undefined;

function become(next: SessionState, token: string | null, lifeSeconds = 0): void {
  state = next;
  accessToken = token;
  clearTimeout(renewal);
  // A server that is away is no reason to sign out; the next request renews the token then.
  if (token) renewal = setTimeout(() => void refresh().catch(() => undefined), lifeSeconds * 1_000 * RENEW_AT);
  listeners.forEach((listener) => listener());
}

export const session = {
  get: (): SessionState => state,
  token: (): string | null => accessToken,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

async function post(path: string, body: unknown): Promise<Response> {
  const headers = new Headers({ "content-type": "application/json" });
  if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
  try {
    return await fetch(AUTH + path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new ApiError(0, "The server cannot be reached");
  }
}

async function accept(response: Response): Promise<void> {
  const body = (await response.json()) as { data: Session };
  become({ status: "signed-in", user: body.data.user }, body.data.accessToken, body.data.expiresIn);
}

export async function signIn(username: string, password: string): Promise<void> {
  const response = await post("/login", { username, password });
  if (!response.ok) throw await toApiError(response);
  await accept(response);
}

export async function signOut(): Promise<void> {
  try {
    await post("/logout", {});
  } finally {
    become({ status: "signed-out", user: null }, null);
  }
}

async function askForToken(): Promise<boolean> {
  const response = await post("/refresh", {});
  if (response.ok) {
    await accept(response);
    return true;
  }
  if (response.status >= 500) throw await toApiError(response);
  become({ status: "signed-out", user: null }, null);
  return false;
}

/**
 * A new access token by the cookie; callers at the same moment share one request, because each refresh
 * token is good for one use. False when the session is over; rejects when the server cannot be reached.
 */
export function refresh(): Promise<boolean> {
  refreshing ??= askForToken().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/** Whether somebody is signed in, asking the server once after a reload. */
export async function ensureSession(): Promise<boolean> {
  if (state.status === "unknown") return refresh();
  return state.status === "signed-in";
}
