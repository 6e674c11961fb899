import { useEffect, useState } from "react";

/**
 * For a dialog that exists only while it is open: when it goes, the focus returns to where it was before.
 * Mantine does that for dialogs that stay and are told to close.
 */
export function useReturnFocus(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      setTimeout(() => {
        // Somebody who has gone elsewhere by then is left alone.
        const nowhere = document.activeElement === null || document.activeElement === document.body;
        if (nowhere && before instanceof HTMLElement && before.isConnected) before.focus();
      });
    },
    [before],
  );
}
