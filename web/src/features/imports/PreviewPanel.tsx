import { useTimeZone } from "@/api/hooks";
import type { Preview } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { SeverityMark } from "@/components/SeverityMark";
import { formatTime, formatValue, NO_VALUE, plural } from "@/lib/format";
import { LeftOutList } from "./LeftOutList";
import { recognised } from "./order";
import classes from "./imports.module.css";

type Row = Preview["first"][number] & { place: number };

const EXACT = 6;

/** What was recognised, the first rows as they would be imported, or what is wrong and what to do. */
export function PreviewPanel({ preview, looking }: { preview: Preview; looking: boolean }) {
  const { problem, rows, first, leftOut } = preview;
  return (
    <section aria-label="What was recognised" className={classes["preview"]} data-looking={looking || undefined}>
      <p className={classes["recognised"]} aria-live="polite">
        {recognised(preview)}
        {rows !== null && `, about ${plural(rows, "row")}`}
      </p>
      {problem && (
        <div role="alert" className={classes["problem"]} data-level="warning">
          <SeverityMark level="warning" label={`${capitalised(problem.message)}.`} />
          {problem.cure && <p>{capitalised(problem.cure)}.</p>}
        </div>
      )}
      {first.length > 0 && <FirstRows rows={first} />}
      <LeftOutList leftOut={leftOut} />
    </section>
  );
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function FirstRows({ rows }: { rows: Preview["first"] }) {
  const timeZone = useTimeZone();
  const names = Object.keys(rows[0]?.values ?? {});
  const columns: Column<Row>[] = [
    { key: "time", header: `Time (${timeZone})`, cell: ({ timestamp }) => formatTime(timestamp, timeZone) },
    ...names.map((name): Column<Row> => ({ key: `value ${name}`, header: name, align: "end", cell: ({ values }) => shown(values[name]) })),
  ];
  return (
    <div className={classes["first"]}>
      <DataTable caption="First rows, as they would be imported" columns={columns} rows={rows.map((row, place) => ({ ...row, place }))} rowKey={({ place }) => String(place)} />
    </div>
  );
}

function shown(value: Preview["first"][number]["values"][string] | undefined): string {
  if (value === null || value === undefined) return NO_VALUE;
  return typeof value === "number" ? String(Number(value.toFixed(EXACT))) : formatValue(value);
}
