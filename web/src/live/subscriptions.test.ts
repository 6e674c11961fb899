import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Subscriptions } from "./subscriptions";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setUp(connected = true) {
  const emit = vi.fn(() => connected);
  const dropped = vi.fn();
  return { emit, dropped, subscriptions: new Subscriptions(emit, dropped) };
}

describe("Subscriptions", () => {
  it("tells the server of many components' devices in one message, each once", () => {
    const { emit, subscriptions } = setUp();
    subscriptions.add(["a", "b"]);
    subscriptions.add(["b", "c"]);
    vi.runAllTimers();
    expect(emit.mock.calls).toEqual([["subscribe-device", { deviceIds: ["a", "b", "c"], frames: true }]]);
  });

  it("stays subscribed until the last component lets go", () => {
    const { emit, dropped, subscriptions } = setUp();
    const first = subscriptions.add(["a"]);
    const second = subscriptions.add(["a"]);
    vi.runAllTimers();
    first();
    vi.runAllTimers();
    expect(emit).toHaveBeenCalledTimes(1);
    second();
    vi.runAllTimers();
    expect(emit).toHaveBeenLastCalledWith("unsubscribe-device", { deviceIds: ["a"], frames: true });
    expect(dropped.mock.calls).toEqual([[["a"]]]);
  });

  it("does not thrash when one page goes and the next wants the same devices", () => {
    const { emit, subscriptions } = setUp();
    const leave = subscriptions.add(["a"]);
    vi.runAllTimers();
    leave();
    subscriptions.add(["a"]);
    vi.runAllTimers();
    expect(emit).toHaveBeenCalledTimes(1);
  });

  it("asks for everything again on a new connection", () => {
    const { emit, subscriptions } = setUp();
    subscriptions.add(["a", "*"]);
    vi.runAllTimers();
    emit.mockClear();
    subscriptions.sendAll();
    expect(emit.mock.calls).toEqual([
      ["subscribe-device", { deviceIds: "*", frames: true }],
      ["subscribe-device", { deviceIds: ["a"], frames: true }],
    ]);
  });

  it("sends nothing twice: what could not be told waits for the connection", () => {
    const { emit, subscriptions } = setUp(false);
    subscriptions.add(["a"]);
    vi.runAllTimers();
    emit.mockClear().mockReturnValue(true);
    subscriptions.sendAll();
    expect(emit).toHaveBeenCalledTimes(1);
  });
});
