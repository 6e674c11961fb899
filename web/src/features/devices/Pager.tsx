import { Button } from "@mantine/core";
import classes from "./devices.module.css";

interface Props {
  page: number;
  pages: number;
  onPage: (page: number) => void;
}

/** Nothing when there is one page. */
export function Pager({ page, pages, onPage }: Props) {
  if (pages < 2) return null;
  return (
    <nav aria-label="Pages" className={classes["pager"]}>
      <Button variant="default" size="md" disabled={page === 1} onClick={() => onPage(page - 1)}>
        Previous
      </Button>
      <span>
        Page {page} of {pages}
      </span>
      <Button variant="default" size="md" disabled={page === pages} onClick={() => onPage(page + 1)}>
        Next
      </Button>
    </nav>
  );
}
