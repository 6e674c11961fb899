/** What a chart was drawn from, in words: the server picks it by the range. */
export const SOURCES = { raw: "samples", "1m": "the lowest and highest of minutes", "1h": "the lowest and highest of hours" } as const;
