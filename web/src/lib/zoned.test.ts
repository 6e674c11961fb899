import { describe, expect, it } from "vitest";
import { fromLocalText, isTimeZone, toLocalText } from "./zoned";

const BERLIN = "Europe/Berlin";
const iso = (text: string) => new Date(fromLocalText(text, BERLIN)).toISOString();

describe("a site's clock", () => {
  it("is written and read in summer and winter", () => {
    expect(toLocalText(Date.parse("2025-01-11T10:00:00Z"), BERLIN)).toBe("2025-01-11T11:00");
    expect(toLocalText(Date.parse("2025-07-11T22:30:00Z"), BERLIN)).toBe("2025-07-12T00:30");
    expect(iso("2025-01-11T11:00")).toBe("2025-01-11T10:00:00.000Z");
    expect(iso("2025-07-12T00:30")).toBe("2025-07-11T22:30:00.000Z");
  });

  it("takes the first of an hour that comes twice, and goes on in one that is left out", () => {
    expect(iso("2025-10-26T02:30")).toBe("2025-10-26T00:30:00.000Z");
    expect(iso("2025-03-30T02:30")).toBe("2025-03-30T01:30:00.000Z");
  });

  it("knows what is no time and no zone", () => {
    expect(fromLocalText("", BERLIN)).toBeNaN();
    expect([isTimeZone("Asia/Kolkata"), isTimeZone("Nowhere/Land")]).toEqual([true, false]);
  });
});
