import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  key: string;
  header: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Can be sorted by; the key goes into the URL. */
  sortable?: boolean;
  align?: "start" | "end";
  /** Left out on a phone. */
  wide?: boolean;
  width?: string;
}

export interface Sort {
  key: string;
  descending: boolean;
}

interface Props<Row> {
  /** Names the table to screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Marks a row, for example with its level. */
  rowLevel?: (row: Row) => string | undefined;
}

/** A plain table: caption, sortable headers, a level edge on each row. Long lists are limited by the caller. */
export function DataTable<Row>({ caption, columns, rows, rowKey, sort, onSort, rowLevel }: Props<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const scrolls = useOverflows(scroller);
  return (
    <div ref={scroller} className={classes["scroll"]} {...(scrolls && { tabIndex: 0, role: "group", "aria-label": caption })}>
      <table className={classes["table"]}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Header key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-level={rowLevel?.(row)}>
              {columns.map((column) => (
                <td key={column.key} data-align={column.align} data-wide={column.wide || undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeaderProps<Row> {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: ((sort: Sort) => void) | undefined;
}

function Header<Row>({ column, sort, onSort }: HeaderProps<Row>) {
  const active = sort?.key === column.key;
  const order = active ? (sort.descending ? "descending" : "ascending") : undefined;
  const shared = { "data-align": column.align, "data-wide": column.wide || undefined, style: { width: column.width } };
  if (!column.sortable || !onSort) {
    return (
      <th scope="col" {...shared}>
        {column.header}
      </th>
    );
  }
  return (
    <th scope="col" aria-sort={order} {...shared}>
      <button
        type="button"
        className={classes["sort"]}
        onClick={() => onSort({ key: column.key, descending: active ? !sort.descending : false })}
      >
        {column.header}
        <span aria-hidden className={classes["arrow"]}>
          {order === "ascending" ? "▲" : order === "descending" ? "▼" : ""}
        </span>
      </button>
    </th>
  );
}

/** A table that is wider than the screen can be scrolled by keyboard, so it takes the focus. */
function useOverflows(element: RefObject<HTMLElement | null>): boolean {
  const [overflows, setOverflows] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (!watched) return undefined;
    const observer = new ResizeObserver(() => setOverflows(watched.scrollWidth > watched.clientWidth));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return overflows;
}
