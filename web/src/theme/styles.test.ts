import { describe, expect, it } from "vitest";
import index from "./index.ts?raw";

const SOURCES = import.meta.glob<string>("../**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const MODULES = import.meta.glob<string>("/node_modules/@mantine/core/esm/**/*.mjs", { query: "?raw", import: "default" });
const SHEETS = import.meta.glob<string>("/node_modules/@mantine/core/styles/*.layer.css", { query: "?raw", import: "default" });

const SHEET_OF_MODULE = /\/(\w+)\.module\.mjs$/;
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1).replace(/\..*/, "");

/** What our sources and the notices take from Mantine, as paths of its modules. */
function taken(): string[] {
  const lists = Object.values(SOURCES).flatMap((text) => [...text.matchAll(/import \{([^}]*)\} from "@mantine\/core"/g)]);
  const names = new Set(["Notification", ...lists.flatMap(([, list]) => (list ?? "").split(",").map((name) => name.trim()))]);
  return Object.keys(MODULES).filter((path) => !SHEET_OF_MODULE.test(path) && names.has(nameOf(path)));
}

/** The names of the style sheets of these modules and of all that they import. */
async function sheetsOf(modules: string[]): Promise<Set<string>> {
  const seen = new Set(modules);
  for (const path of seen) {
    const text = (await MODULES[path]?.()) ?? "";
    for (const [, target] of text.matchAll(/from "(\.[^"]+)"/g)) seen.add(new URL(target ?? "", `file://${path}`).pathname);
  }
  const known = new Set(Object.keys(SHEETS).map(nameOf));
  return new Set([...seen].flatMap((path) => SHEET_OF_MODULE.exec(path)?.[1] ?? []).filter((name) => known.has(name)));
}

describe("Mantine's style sheets", () => {
  it("are there for every component in use, and for no other", async () => {
    const listed = [...index.matchAll(/core\/styles\/([A-Z]\w+)\.layer\.css/g)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...(await sheetsOf(taken()))].sort());
  });
});
