import { Button, Code } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useCan } from "@/api/hooks";
import { EmptyState } from "@/components/states";

/** The first minute: nothing is here yet, and three ways on. */
export function EmptyPlant() {
  const mayAdd = useCan("devices:write");
  return (
    <EmptyState
      title="No devices yet"
      actions={
        <>
          {mayAdd && (
            <Button component={Link} to="/devices?new=1">
              Add a device
            </Button>
          )}
          <Button component={Link} to="/devices" variant="default">
            See what was discovered
          </Button>
        </>
      }
    >
      Add a device and send it its first value, or adopt one that already publishes. To look around with a whole plant, start
      Andon with <Code>andon up --demo</Code>.
    </EmptyState>
  );
}
