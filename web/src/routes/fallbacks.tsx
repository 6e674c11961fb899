import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { LinkButton } from "@/components/LinkButton";
import { EmptyState, ErrorState } from "@/components/states";

export function NotFound() {
  return (
    <EmptyState title="There is no such page" actions={<LinkButton to="/" variant="default">To the overview</LinkButton>}>
      The address may be old or mistyped.
    </EmptyState>
  );
}

/** A page that failed: a part of it that could not be loaded after an update, or the server at the first sign-in check. */
export function RouteError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const retry = async () => {
    reset();
    await router.invalidate();
  };
  return <ErrorState title="This page cannot be shown now" error={error} onRetry={retry} />;
}
