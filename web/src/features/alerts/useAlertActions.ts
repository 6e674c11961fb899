import { useState } from "react";
import { notifications } from "@mantine/notifications";
import { useAcknowledge, useAcknowledgeMany, useResolve } from "@/api/mutations";
import type { Alert } from "@/api/types";
import type { AlertVerb } from "./AlertRow";

interface Pending {
  verb: AlertVerb;
  ids: string[];
  title: string;
}

const WORDS: Record<AlertVerb, { action: string; done: string }> = {
  acknowledge: { action: "Acknowledge", done: "acknowledged" },
  resolve: { action: "Resolve", done: "resolved" },
};

/** Acknowledge and resolve, one or many: what is asked, what is under way, what failed. */
export function useAlertActions(onDone: () => void) {
  const [pending, setPending] = useState<Pending | null>(null);
  const acknowledge = useAcknowledge();
  const acknowledgeMany = useAcknowledgeMany();
  const resolve = useResolve();
  const all = [acknowledge, acknowledgeMany, resolve];

  const close = () => {
    setPending(null);
    all.forEach((mutation) => mutation.reset());
  };
  const confirm = async (comment: string) => {
    if (!pending) return;
    const { verb, ids } = pending;
    const text = comment || undefined;
    const [first] = ids;
    if (verb === "resolve") await Promise.all(ids.map((id) => resolve.mutateAsync({ id, comment: text })));
    else if (ids.length > 1) await acknowledgeMany.mutateAsync({ ids, comment: text });
    else if (first !== undefined) await acknowledge.mutateAsync({ id: first, comment: text });
    notifications.show({ message: `${ids.length === 1 ? "1 alarm" : `${ids.length} alarms`} ${WORDS[verb].done}` });
    close();
    onDone();
  };

  return {
    ask: (verb: AlertVerb, alert: Alert) =>
      setPending({ verb, ids: [alert.id], title: `${WORDS[verb].action}: ${alert.deviceName || alert.deviceId}` }),
    askMany: (verb: AlertVerb, ids: string[]) =>
      setPending({ verb, ids, title: `${WORDS[verb].action} ${ids.length} alarms` }),
    dialog: {
      opened: pending !== null,
      title: pending?.title ?? "",
      action: pending ? WORDS[pending.verb].action : "",
      busy: all.some((mutation) => mutation.isPending),
      error: all.find((mutation) => mutation.error)?.error,
      // A failure stays in the dialog, which shows it.
      onConfirm: (comment: string) => void confirm(comment).catch(() => undefined),
      onClose: close,
    },
  };
}
