import type { HistoryQuery } from "@/api/types";

type Quality = NonNullable<HistoryQuery["quality"]>;

/** Which samples count. */
export const QUALITIES: { value: Quality; label: string }[] = [
  { value: "all", label: "All samples" },
  { value: "usable", label: "Usable samples" },
  { value: "good", label: "Good samples only" },
];
