import { Outlet } from "@tanstack/react-router";
import { Suspense, useEffect, useState } from "react";
import { useConnection } from "@/live/hooks";
import { useAlarmFeed } from "@/live/useAlarmFeed";
import { fetchAhead, lazyPart } from "../lazyPart";
import { AlarmStrip } from "./AlarmStrip";
import classes from "./AppFrame.module.css";
import { ConnectionBadge, ConnectionBanner } from "./Connection";
import { Navigation } from "./Navigation";
import { SearchButton, useSearchKey } from "./SearchButton";
import { SiteClock } from "./SiteClock";
import { UserButton } from "./UserButton";

/** By then the first page has what it needs. Everything else is fetched then: it opens at once, also while the server is away. */
const IDLE_MS = 2_000;

const SearchDialog = lazyPart(() => import("./SearchDialog"));
const UserMenu = lazyPart(() => import("./UserMenu"));

/** The same frame on every page: alarm strip, connection, clock, search, navigation. */
export function AppFrame() {
  const { state } = useConnection();
  const [searching, setSearching] = useState(false);
  const [menuAsked, setMenuAsked] = useState(false);
  const announcement = useAlarmFeed();
  useSearchKey(() => setSearching(true));
  useEffect(() => {
    const timer = setTimeout(() => void fetchAhead(), IDLE_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={classes["frame"]} data-connection={state}>
      <a href="#main" className={classes["skip"]}>
        Skip to the content
      </a>
      <header className={classes["top"]}>
        <span className={classes["brand"]}>
          <img src="/andon.svg" alt="" width="26" height="26" />
          <span>Andon</span>
        </span>
        <AlarmStrip />
        <div className={classes["tools"]}>
          <SearchButton onOpen={() => setSearching(true)} />
          <ConnectionBadge />
          <SiteClock />
          <Suspense fallback={<UserButton onClick={() => setMenuAsked(true)} />}>
            <UserMenu opened={menuAsked} />
          </Suspense>
        </div>
      </header>
      <Navigation />
      <main id="main" tabIndex={-1} className={classes["main"]}>
        <ConnectionBanner />
        <Outlet />
      </main>
      <div className="visually-hidden" aria-live="polite" role="status">
        {announcement}
      </div>
      {searching && (
        <Suspense>
          <SearchDialog onClose={() => setSearching(false)} />
        </Suspense>
      )}
    </div>
  );
}
