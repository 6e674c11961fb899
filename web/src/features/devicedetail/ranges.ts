/** The ranges that the history offers; the name is what the API takes and what stands in the URL. */
export const RANGES = [
  { name: "1h", label: "1 h", seconds: 3_600 },
  { name: "6h", label: "6 h", seconds: 21_600 },
  { name: "24h", label: "24 h", seconds: 86_400 },
  { name: "7d", label: "7 d", seconds: 604_800 },
  { name: "30d", label: "30 d", seconds: 2_592_000 },
] as const;

export type RangeName = (typeof RANGES)[number]["name"];

export function findRange(name: string | undefined): (typeof RANGES)[number] {
  return RANGES.find((range) => range.name === name) ?? RANGES[0];
}
