import { useEffect } from "react";
import { Icon } from "../icons";
import classes from "./SearchButton.module.css";

/** Ctrl-K (or ⌘K) opens the search from anywhere. */
export function useSearchKey(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      open();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [open]);
}

export function SearchButton({ onOpen }: { onOpen: () => void }) {
  return (
    <button type="button" className={classes["search"]} onClick={onOpen} aria-keyshortcuts="Control+K">
      <Icon name="search" size={18} />
      <span className={classes["text"]}>Search</span>
      <kbd className={classes["key"]} aria-hidden>Ctrl K</kbd>
    </button>
  );
}
