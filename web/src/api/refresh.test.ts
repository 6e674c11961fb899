import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, describe, expect, it } from "vitest";
import { askAgain, askAllAnew } from "./refresh";

const KEY = ["devices", "list"];
const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
afterEach(() => client.clear());

/** A query on the screen whose requests are answered by hand. */
function shown() {
  const answers: ((value: string) => void)[] = [];
  const queryFn = () => new Promise<string>((resolve) => void answers.push(resolve));
  const observer = new QueryObserver(client, { queryKey: KEY, queryFn });
  observer.subscribe(() => undefined);
  return { answers, data: () => observer.getCurrentResult().data };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

describe("askAgain", () => {
  it("asks for what is shown", async () => {
    const { answers, data } = shown();
    answers[0]?.("old");
    await settle();
    askAgain(client, ["devices"]);
    answers[1]?.("new");
    await settle();
    expect(data()).toBe("new");
  });

  it("asks once more after an answer that was on its way, however often it is called meanwhile", async () => {
    const { answers, data } = shown();
    for (let event = 0; event < 5; event += 1) askAgain(client, KEY);
    expect(answers.length).toBe(1);
    answers[0]?.("from before the events");
    await settle();
    expect(data()).toBe("from before the events");
    expect(answers.length).toBe(2);
    answers[1]?.("new");
    await settle();
    expect(data()).toBe("new");
    expect(answers.length).toBe(2);
  });

  it("leaves alone what has another key", async () => {
    const { answers } = shown();
    answers[0]?.("old");
    await settle();
    askAgain(client, ["alerts"]);
    await settle();
    expect(answers.length).toBe(1);
  });
});

describe("askAllAnew", () => {
  it("does not wait for a request that may never be answered", async () => {
    const { answers, data } = shown();
    void askAllAnew(client);
    await settle();
    answers[1]?.("new");
    await settle();
    expect(data()).toBe("new");
  });
});
