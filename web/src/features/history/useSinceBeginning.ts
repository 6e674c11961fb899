import { useQuery } from "@tanstack/react-query";
import { seriesHistoryQuery } from "@/api/queries";
import { beginning } from "@/lib/beginning";
import { ends, isRelative, type TimeRange } from "@/lib/timeRange";
import { serverNow } from "@/live/clock";

/**
 * A range that ends now, from where there is something: a day of a plant that runs for an hour would be an empty chart
 * with a stroke at its edge. Only devices that are younger than the range are asked for their first sample.
 * Null until it is known.
 */
export function useSinceBeginning(asked: TimeRange, series: readonly string[], createdAt: readonly string[]): TimeRange | null {
  const [from] = ends(asked, serverNow());
  const oldest = createdAt.reduce((first, each) => (each < first ? each : first), createdAt[0] ?? "");
  const young = isRelative(asked) && series.length > 0 && Date.parse(oldest) > from;
  const found = useQuery({ ...seriesHistoryQuery({ series: [...series], ...asked, limit: 1 }), staleTime: Infinity, enabled: young });
  if (!young || found.isError) return asked;
  if (found.isPlaceholderData || !found.data) return null;
  const first = found.data.data.series.flatMap(({ readings }) => readings.map(({ timestamp }) => timestamp)).sort()[0];
  const begin = beginning(oldest, first);
  return begin > from ? { from: new Date(begin).toISOString(), to: "now" } : asked;
}
