import { ApiError } from "@/api/errors";

const RETRY_MS = 1_000;

/**
 * Loads a part of the app. The router takes a part that cannot be loaded for one of an older build and loads the page
 * anew; while the server is away nothing would be left of the page then. It stays instead, as after any lost request.
 * A server that answers is asked once more: it may have been away for a moment only.
 */
export async function part<Module>(load: () => Promise<Module>, tries = 2): Promise<Module> {
  try {
    await Promise.all([...missing].map(style));
    return await load();
  } catch (error) {
    if (!(await serverAnswers())) throw new ApiError(0, "The server cannot be reached");
    if (tries === 1) throw error;
    return part(load, tries - 1);
  }
}

/** The same, also while the server is away: it waits until it is back. */
export async function patiently<Module>(load: () => Promise<Module>): Promise<Module> {
  for (;;) {
    try {
      return await part(load);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Vite asks for a style sheet once: one that failed would be missing when its part is loaded at a second try. */
const missing = new Set<string>();
document.addEventListener(
  "error",
  ({ target }) => {
    if (!(target instanceof HTMLLinkElement) || target.rel !== "stylesheet") return;
    missing.add(target.href);
    target.remove();
  },
  true,
);

async function style(href: string): Promise<void> {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  await new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => reject(new Error(`${href} cannot be loaded`)));
    document.head.append(link);
  });
  missing.delete(href);
}

async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch("/", { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
