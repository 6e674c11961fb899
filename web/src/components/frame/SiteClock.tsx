import { useTimeZone } from "@/api/hooks";
import { formatTime } from "@/lib/format";
import { useNow } from "@/live/hooks";
import classes from "./SiteClock.module.css";

/** The site's time, by the server's clock. */
export function SiteClock() {
  const now = useNow();
  const timeZone = useTimeZone();
  return (
    <time className={classes["clock"]} title={`Site time, ${timeZone}`} dateTime={new Date(now).toISOString()}>
      {formatTime(now, timeZone, "time")}
    </time>
  );
}
