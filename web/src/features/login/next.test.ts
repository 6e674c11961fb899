import { describe, expect, it } from "vitest";
import { safeNext } from "./next";

describe("where the sign-in leads", () => {
  it("is the page that was asked for", () => {
    expect(safeNext("/alerts?status=active")).toBe("/alerts?status=active");
  });

  it("is never another site, nor the sign-in again", () => {
    for (const next of [undefined, "https://evil.example", "//evil.example", "/\\evil.example", "/login?next=/login"]) {
      expect(safeNext(next)).toBe("/");
    }
  });
});
