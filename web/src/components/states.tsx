import { Button, Skeleton, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { explain } from "@/api/errors";
import classes from "./states.module.css";

interface EmptyProps {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}

/** Nothing is here: says why, and the next step. */
export function EmptyState({ title, children, actions }: EmptyProps) {
  return (
    <div className={classes["state"]}>
      <h2 className={classes["title"]}>{title}</h2>
      {children && <div className={classes["text"]}>{children}</div>}
      {actions && <div className={classes["actions"]}>{actions}</div>}
    </div>
  );
}

interface ErrorProps {
  title: string;
  error: unknown;
  onRetry?: () => unknown;
}

/** Something failed: what, why, and trying again. */
export function ErrorState({ title, error, onRetry }: ErrorProps) {
  return (
    <div className={classes["state"]} role="alert">
      <h2 className={classes["title"]}>{title}</h2>
      <p className={classes["text"]}>{explain(error)}</p>
      {onRetry && (
        <div className={classes["actions"]}>
          <Button variant="default" onClick={() => void onRetry()}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

/** Grey rows of the height that the content will have, so that nothing shifts. */
export function SkeletonRows({ rows = 5, height = 44 }: { rows?: number; height?: number }) {
  return (
    <Stack gap="xs" aria-hidden>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} animate={false} />
      ))}
    </Stack>
  );
}

export function SkeletonCards({ count = 8, height = 168 }: { count?: number; height?: number }) {
  return (
    <div className={classes["cards"]} aria-hidden>
      {Array.from({ length: count }, (_, card) => (
        <Skeleton key={card} height={height} animate={false} />
      ))}
    </div>
  );
}
