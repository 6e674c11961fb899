import { Button, Checkbox } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { explain } from "@/api/errors";
import { useCan } from "@/api/hooks";
import { useReplayDeadLetters } from "@/api/mutations";
import { deadLettersQuery } from "@/api/queries";
import type { DeadLetter } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { Panel } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { TimeAgo } from "@/components/TimeAgo";
import { formatBytes, formatCount, humanise } from "@/lib/format";
import { useUrlState } from "@/lib/urlState";
import classes from "./system.module.css";

const PAGE_SIZE = 25;
type Id = DeadLetter["id"];

const COLUMNS: Column<DeadLetter>[] = [
  { key: "at", header: "When", cell: (letter) => <TimeAgo at={letter.at} /> },
  { key: "reason", header: "Why", cell: (letter) => <Why letter={letter} /> },
  { key: "topic", header: "Where from", cell: (letter) => <span className={classes["topic"]}>{letter.topic || letter.source}</span> },
  { key: "payload", header: "What came", wide: true, cell: (letter) => <code className={classes["payload"]}>{letter.preview}</code> },
  { key: "size", header: "Size", align: "end", wide: true, cell: (letter) => formatBytes(letter.size) },
];

function Why({ letter }: { letter: DeadLetter }) {
  return (
    <>
      <strong>{humanise(letter.reason)}</strong>
      <div className={classes["detail"]}>{letter.detail}</div>
    </>
  );
}

/** Data that could not be used, with the reason; what was mended can be replayed. */
export function DeadLetters() {
  const [url, setUrl] = useUrlState<"before">();
  const letters = useQuery(deadLettersQuery({ limit: PAGE_SIZE, ...(url.before ? { before: Number(url.before) } : {}) }));
  const canReplay = useCan("system:write");
  const [chosen, setChosen] = useState<ReadonlySet<Id>>(new Set());
  const replay = useReplayDeadLetters();
  const rows = letters.data?.data.deadLetters ?? [];
  const picked = rows.filter((letter) => chosen.has(letter.id)).map((letter) => letter.id);

  const toggle = (id: Id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const onReplay = () =>
    replay.mutate(picked, {
      onSuccess: ({ data }) => {
        setChosen(new Set());
        const failed = data.failed[0];
        notifications.show({
          message: failed ? `${data.replayed} replayed, ${data.failed.length} not: ${failed.reason}` : `${data.replayed} replayed`,
        });
      },
      onError: (error) => notifications.show({ message: explain(error) }),
    });

  const choose: Column<DeadLetter> = {
    key: "choose",
    header: <span className="visually-hidden">Choose</span>,
    width: "44px",
    cell: (letter) => (
      <Checkbox
        aria-label={`Choose letter ${letter.id}`}
        checked={chosen.has(letter.id)}
        disabled={!letter.replayable}
        onChange={() => toggle(letter.id)}
      />
    ),
  };
  const actions = canReplay && picked.length > 0 && (
    <Button loading={replay.isPending} onClick={onReplay}>
      Replay {picked.length}
    </Button>
  );

  return (
    <Panel title={`Dead letters${letters.data ? ` (${formatCount(letters.data.meta.total)})` : ""}`} actions={actions} flush>
      {letters.isError && !letters.data && <ErrorState title="The dead letters could not be read" error={letters.error} onRetry={letters.refetch} />}
      {letters.isPending && <SkeletonRows />}
      {letters.data && rows.length === 0 && (
        <EmptyState title="No dead letters">Data that cannot be used would be kept here, with the reason.</EmptyState>
      )}
      {rows.length > 0 && (
        <DataTable caption="Dead letters" columns={canReplay ? [choose, ...COLUMNS] : COLUMNS} rows={rows} rowKey={(letter) => String(letter.id)} />
      )}
      <Pages full={rows.length === PAGE_SIZE} before={url.before} last={rows.at(-1)?.id} onGo={(before) => setUrl({ before }, true)} />
    </Panel>
  );
}

interface PagesProps {
  full: boolean;
  before: string | undefined;
  last: Id | undefined;
  onGo: (before: string | undefined) => void;
}

function Pages({ full, before, last, onGo }: PagesProps) {
  if (!full && before === undefined) return null;
  return (
    <div className={classes["pages"]}>
      {before !== undefined && (
        <Button variant="default" onClick={() => onGo(undefined)}>
          Newest
        </Button>
      )}
      {full && (
        <Button variant="default" onClick={() => onGo(String(last))}>
          Older
        </Button>
      )}
    </div>
  );
}
