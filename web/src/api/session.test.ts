import { beforeEach, describe, expect, it, vi } from "vitest";

const signedIn = { data: { accessToken: "token-2", refreshToken: "r", expiresIn: 900, tokenType: "Bearer", user: { id: "u", username: "ada" } } };
const answer = (status: number, body: unknown = {}) => new Response(JSON.stringify(body), { status });

let server: ReturnType<typeof vi.fn<(url: string | Request) => Promise<Response>>>;

async function load() {
  vi.resetModules();
  return { ...(await import("./session")), ...(await import("./client")), ...(await import("./errors")) };
}

const asked = () => server.mock.calls.map(([url]) => (typeof url === "string" ? url : new URL(url.url).pathname));

beforeEach(() => {
  server = vi.fn();
  vi.stubGlobal("fetch", server);
});

describe("the session", () => {
  it("is renewed by one request, however many ask at once: a refresh token is good for one use", async () => {
    const { refresh, session } = await load();
    server.mockResolvedValue(answer(200, signedIn));
    expect(await Promise.all([refresh(), refresh(), refresh()])).toEqual([true, true, true]);
    expect(asked()).toEqual(["/api/v1/auth/refresh"]);
    expect(session.get().user?.username).toBe("ada");
  });

  it("is over when the server refuses to renew it", async () => {
    const { refresh, session } = await load();
    server.mockResolvedValue(answer(401));
    expect(await refresh()).toBe(false);
    expect(session.get()).toEqual({ status: "signed-out", user: null });
  });

  it("is renewed before the token runs out", async () => {
    vi.useFakeTimers();
    const { refresh } = await load();
    server.mockImplementation(() => Promise.resolve(answer(200, signedIn)));
    await refresh();
    await vi.advanceTimersByTimeAsync(719_000);
    expect(server).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });

  it("is not over because the server is away", async () => {
    const { refresh, session } = await load();
    server.mockResolvedValueOnce(answer(200, signedIn));
    await refresh();
    server.mockRejectedValueOnce(new TypeError("network"));
    await expect(refresh()).rejects.toThrow("cannot be reached");
    server.mockResolvedValueOnce(answer(503));
    await expect(refresh()).rejects.toThrow("503");
    expect(session.get().status).toBe("signed-in");
  });
});

describe("a request", () => {
  it("is sent again once, with a new token, when the old one ran out", async () => {
    const { send } = await load();
    server.mockResolvedValueOnce(answer(401)).mockResolvedValueOnce(answer(200, signedIn)).mockResolvedValueOnce(answer(200));
    await send("GET", "/devices");
    expect(asked()).toEqual(["/api/v1/devices", "/api/v1/auth/refresh", "/api/v1/devices"]);
    const again = server.mock.calls[2] as unknown as [string, RequestInit];
    expect(new Headers(again[1].headers).get("authorization")).toBe("Bearer token-2");
  });

  it("that is refused says the field and the cure", async () => {
    const { send, ApiError, explain } = await load();
    const details = [{ field: "deviceId", message: "is taken", cure: "choose another" }];
    server.mockResolvedValueOnce(answer(409, { success: false, error: "There is such a device", details }));
    const error: unknown = await send("POST", "/devices", { body: {} }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error instanceof ApiError && error.forField("deviceId")).toBe("Is taken. Choose another");
    expect(explain(error)).toBe("There is such a device. Choose another");
  });

  it("that meets a proxy's page instead of the API still gives a sentence", async () => {
    const { send } = await load();
    server.mockResolvedValueOnce(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    await expect(send("GET", "/devices")).rejects.toThrow("The server answered 502 Bad Gateway");
  });

  it("encodes what it puts into the path and leaves out what is not asked", async () => {
    const { buildUrl } = await load();
    expect(buildUrl("/devices/{device_id}/history", { path: { device_id: "a/b c" }, query: { tag: "t", from: undefined, to: "" } })).toBe(
      "/api/v1/devices/a%2Fb%20c/history?tag=t",
    );
    expect(buildUrl("/history", { query: { series: ["press-1:force", "oven"], limit: 5 } })).toBe(
      "/api/v1/history?series=press-1%3Aforce&series=oven&limit=5",
    );
  });
});
