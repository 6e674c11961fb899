import { describe, expect, it } from "vitest";
import { fingerprintOf } from "./fingerprint";

const file = (content: BlobPart, name = "a.csv", lastModified = 1) => new File([content], name, { lastModified });

describe("the fingerprint of a file", () => {
  it("is the same when the same file is picked again", async () => {
    expect(await fingerprintOf(file("time,value\n1,2\n"))).toBe(await fingerprintOf(file("time,value\n1,2\n")));
  });

  it("differs by content at either end, by date and by name", async () => {
    const large = new Uint8Array(2_000_000);
    const changed = large.slice();
    changed[changed.length - 1] = 1;
    const all = await Promise.all([file(large), file(changed), file(large, "b.csv"), file(large, "a.csv", 2)].map(fingerprintOf));
    expect(new Set(all).size).toBe(4);
  });

  it("fits what the server takes", async () => {
    expect((await fingerprintOf(file("x", `${"ä".repeat(250)}.csv`))).length).toBeLessThanOrEqual(200);
  });
});
