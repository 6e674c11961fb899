import { Code } from "@mantine/core";
import { useCan } from "@/api/hooks";
import { LinkButton } from "@/components/LinkButton";
import { EmptyState } from "@/components/states";

/** The first minute: nothing is here yet, and three ways on. */
export function EmptyPlant() {
  const mayAdd = useCan("devices:write");
  const mayImport = useCan("data:write");
  return (
    <EmptyState
      title="No devices yet"
      actions={
        <>
          {mayAdd && (
            <LinkButton to="/devices" search={{ new: "1" } as never}>
              Add a device
            </LinkButton>
          )}
          {mayImport && (
            <LinkButton to="/devices" search={{ import: "new" } as never} variant="default">
              Import history
            </LinkButton>
          )}
          <LinkButton to="/devices" variant="default">
            See what was discovered
          </LinkButton>
        </>
      }
    >
      Add a device and send it its first value, adopt one that already publishes, or import recordings in CSV or Parquet. To look around with a whole plant, start
      Andon with <Code style={{ whiteSpace: "nowrap" }}>andon up --demo</Code>.
    </EmptyState>
  );
}
