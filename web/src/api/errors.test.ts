import { describe, expect, it } from "vitest";
import { ApiError, explain } from "./errors";

describe("an error in words", () => {
  it("is sentences: what happened and what to do", () => {
    const error = new ApiError(400, "the file is empty", [{ field: "file", message: "", cure: "choose another" }]);
    expect(explain(error)).toBe("The file is empty. Choose another");
  });

  it("leaves names as they are written", () => {
    expect(explain(new ApiError(400, "loom.csv cannot be read"))).toBe("loom.csv cannot be read");
    expect(explain(new ApiError(400, "normalMax is no number"))).toBe("normalMax is no number");
    expect(explain(new ApiError(400, "loom-001 is gone"))).toBe("loom-001 is gone");
  });
});
