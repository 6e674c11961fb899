import { Button } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "./icons";

/** On a plant's plain-HTTP address browsers offer no clipboard API; the old command still works there. */
async function copy(text: string): Promise<boolean> {
  // Typed as always present, but absent outside secure contexts.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) {
    return clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Copies a text and says so. */
export function CopyButton({ text, children }: { text: string; children: ReactNode }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return undefined;
    const timer = setTimeout(() => setState("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <Button
      variant="default"
      size="md"
      leftSection={<Icon name={state === "copied" ? "check" : "copy"} size={18} />}
      onClick={() => void copy(text).then((done) => setState(done ? "copied" : "failed"))}
    >
      <span aria-live="polite">{state === "copied" ? "Copied" : state === "failed" ? "Select and copy it by hand" : children}</span>
    </Button>
  );
}
