import { formatAge } from "@/lib/format";
import { useConnection, useNow } from "@/live/hooks";
import classes from "./Connection.module.css";

const TEXT = { live: "Live", connecting: "Connecting", lost: "No connection" } as const;

/** Whether live values arrive. Shape and words, not colour alone. */
export function ConnectionBadge() {
  const { state } = useConnection();
  return (
    <span className={classes["badge"]} data-state={state} data-level={state === "lost" ? "unknown" : "normal"} data-testid="connection">
      <span className={classes["lamp"]} aria-hidden />
      <span className={classes["text"]} role="status">
        {TEXT[state]}
      </span>
    </span>
  );
}

/** Says on every page that the server is away, since when, and that nobody has to do anything. */
export function ConnectionBanner() {
  const { state } = useConnection();
  return state === "lost" ? <Banner /> : null;
}

function Banner() {
  const { since } = useConnection();
  const lostFor = useNow() - since;
  return (
    <div className={classes["banner"]} role="alert">
      <strong>The server does not answer.</strong> What you see is {formatAge(lostFor)} old and hatched. The page
      tries again by itself and catches up.
    </div>
  );
}
