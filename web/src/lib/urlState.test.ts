import { describe, expect, it } from "vitest";
import { parseSearch, stringifySearch } from "./urlState";

describe("the URL's query", () => {
  it("is plain text, also for numbers and signs", () => {
    expect(stringifySearch({ q: "pump 7", sort: "-name", page: "2" })).toBe("?q=pump+7&sort=-name&page=2");
  });

  it("leaves out what is not set", () => {
    expect(stringifySearch({ q: "", type: undefined })).toBe("");
  });

  it("comes back as it was", () => {
    const search = { q: "a&b=c%", id: "alert-001" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });
});
