import { useQuery } from "@tanstack/react-query";
import { storageQuery } from "@/api/queries";
import type { HistoryStorage } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { LinkButton } from "@/components/LinkButton";
import { Page, Panel } from "@/components/Page";
import { SeverityMark } from "@/components/SeverityMark";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { ExportButton } from "@/features/exports/ExportButton";
import { ImportButton } from "@/features/imports/ImportButton";
import { formatBytes, formatCount, NO_VALUE } from "@/lib/format";
import { RetentionPanel } from "./RetentionPanel";
import { formatDays } from "./retention";
import { Consumers, Tiers } from "./tables";
import classes from "./storage.module.css";

/** What history takes, how long it is kept, who is behind. Old figures stay, marked, when the server is away. */
export default function StoragePage() {
  const storage = useQuery(storageQuery());
  const data = storage.data?.data;
  return (
    <Page title="Storage" aside={data && <State storage={data} />} actions={
        <>
          <ImportButton />
          <ExportButton />
        </>
      }>
      {storage.isError && !data && (
        <ErrorState title="What history takes could not be read" error={storage.error} onRetry={storage.refetch} />
      )}
      {storage.isPending && <SkeletonRows rows={8} />}
      {data && (
        <div className={classes["page"]} data-old={storage.isError || undefined}>
          <Sums storage={data} />
          <Panel title="What is stored" flush>
            {data.samples === 0 ? <Nothing /> : <Tiers tiers={data.tiers} />}
          </Panel>
          <Panel title="Readers of the log" flush>
            <Consumers consumers={data.consumers} />
          </Panel>
        </div>
      )}
      <RetentionPanel storage={data} />
    </Page>
  );
}

function State({ storage }: { storage: HistoryStorage }) {
  const { full, archived } = storage;
  return (
    <span className="from-server">
      {full !== null && <SeverityMark level="critical" label={`Nothing is written: ${full}`} />}
      {archived.problem !== null && <SeverityMark level="warning" label={`The archive is not used: ${archived.problem}`} />}
      {full === null && archived.problem === null && "Everything is written"}
    </span>
  );
}

function Nothing() {
  return (
    <EmptyState title="Nothing is stored yet" actions={<LinkButton to="/devices">To the devices</LinkButton>}>
      The first samples of a device are stored as they come.
    </EmptyState>
  );
}

function Sums({ storage }: { storage: HistoryStorage }) {
  const { samples, bytes, bytesPerSample, unsealed, archived } = storage;
  const each = bytesPerSample === null ? { value: NO_VALUE } : { value: bytesPerSample.toFixed(1), unit: "bytes" };
  const beside = [
    storage.freeBytes === null ? null : `${formatBytes(storage.freeBytes)} free`,
    storage.logBytes === null ? null : `log ${formatBytes(storage.logBytes)}`,
    archived.files === 0 ? null : `archive ${formatBytes(archived.bytes)}, kept ${formatDays(archived.keptDays)}`,
  ];
  return (
    <Figures>
      <Figure name="Samples stored" value={formatCount(samples)} note={`${formatCount(storage.pinnedSamples)} imported, kept whatever their age`} />
      <Figure name="History on the disk" value={formatBytes(bytes)} note={beside.filter((part) => part !== null).join(", ")} />
      <Figure name="A sample takes" {...each} note="with its quality and its time" />
      <Figure name="Not in files yet" value={formatCount(unsealed.samples)} unit="samples" note={`${formatBytes(unsealed.bytes)} in memory, safe in the log`} />
    </Figures>
  );
}
