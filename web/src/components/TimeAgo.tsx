import { useTimeZone } from "@/api/hooks";
import { formatAge, formatDuration, formatTime, NO_VALUE } from "@/lib/format";
import { useNow } from "@/live/hooks";

interface Props {
  /** ISO or ms. */
  at: string | number | null | undefined;
  /** `ago` reads "3 min ago", `for` counts on: "3 min 05 s". */
  as?: "ago" | "for";
}

/** How long since, counting; the exact time of the site on hover and to screen readers. */
export function TimeAgo({ at, as = "ago" }: Props) {
  const now = useNow();
  const timeZone = useTimeZone();
  if (at === null || at === undefined) return <span>{NO_VALUE}</span>;
  const time = new Date(at);
  const ms = Math.max(0, now - time.getTime());
  return (
    <time dateTime={Number.isNaN(time.getTime()) ? undefined : time.toISOString()} title={formatTime(at, timeZone)}>
      {as === "for" ? formatDuration(ms) : ms < 1_000 ? "now" : `${formatAge(ms)} ago`}
    </time>
  );
}
