import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { useConnection } from "@/live/hooks";
import { LinkButton } from "@/components/LinkButton";
import { useCallback, useEffect, useRef } from "react";
import { Page } from "@/components/Page";
import { EmptyState, ErrorState } from "@/components/states";

export function NotFound() {
  return (
    <Page title="There is no such page">
      <EmptyState title="The address may be old or mistyped" actions={<LinkButton to="/" variant="default">To the overview</LinkButton>} />
    </Page>
  );
}

/** A page that failed; it tries again by itself when the connection is back: a part of it that could not be loaded after an update, or the server at the first sign-in check. */
export function RouteError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const { state } = useConnection();
  const away = useRef(false);
  const retry = useCallback(async () => {
    reset();
    await router.invalidate();
  }, [reset, router]);
  useEffect(() => {
    // The request may have failed before the live connection noticed.
    away.current ||= state !== "live";
    if (state === "live" && away.current) void retry();
  }, [state, retry]);
  return <ErrorState title="This page cannot be shown now" error={error} onRetry={retry} />;
}
