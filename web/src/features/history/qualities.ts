import type { HistoryQuery } from "@/api/types";

export type Quality = NonNullable<HistoryQuery["quality"]>;

/** Which samples count. */
export const QUALITIES: { value: Quality; label: string }[] = [
  { value: "all", label: "All samples" },
  { value: "usable", label: "Usable samples" },
  { value: "good", label: "Good samples only" },
];

/** What the URL says, or all when it says nothing that is a quality. */
export const readQuality = (text: string | undefined): Quality => QUALITIES.find(({ value }) => value === text)?.value ?? "all";
