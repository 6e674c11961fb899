import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { useCan } from "@/api/hooks";
import type { Alert } from "@/api/types";
import { AlertRow } from "./AlertRow";
import { CommentDialog } from "./CommentDialog";
import { choose, chooseAll, chosen, EMPTY } from "./selection";
import { useAlertActions } from "./useAlertActions";
import { canResolve, isOpen, needsAcknowledge } from "./words";
import classes from "./alerts.module.css";

interface Props {
  alerts: readonly Alert[];
  /** The alarm that somebody was sent to. */
  current?: string | undefined;
  withDevice?: boolean;
}

/** Alarms with their actions; for who may, one at a time or many chosen by checkbox. To be framed by a panel. */
export function AlertList({ alerts, current, withDevice = true }: Props) {
  const canManage = useCan("alerts:manage");
  const [selection, setSelection] = useState(EMPTY);
  const actions = useAlertActions(() => setSelection(EMPTY));
  // What is over cannot be acted on, so it cannot be chosen.
  const order = alerts.filter(isOpen).map((alert) => alert.id);
  const picked = chosen(selection, order);
  const among = (able: (alert: Alert) => boolean) => alerts.filter((alert) => able(alert) && picked.includes(alert.id)).map(({ id }) => id);
  const toAcknowledge = among(needsAcknowledge);
  const toResolve = among(canResolve);

  return (
    <div className={classes["alarms"]} data-watching={!canManage || undefined}>
      {canManage && order.length > 0 && (
        <div className={classes["bar"]} role="group" aria-label="Chosen alarms">
          <Checkbox
            label={picked.length > 0 ? `${picked.length} chosen` : "Choose all"}
            checked={picked.length === order.length}
            indeterminate={picked.length > 0 && picked.length < order.length}
            onChange={(event) => setSelection(chooseAll(order, event.currentTarget.checked))}
          />
          {toAcknowledge.length > 0 && <Button onClick={() => actions.askMany("acknowledge", toAcknowledge)}>Acknowledge</Button>}
          {toResolve.length > 0 && (
            <Button variant="default" onClick={() => actions.askMany("resolve", toResolve)}>
              Resolve
            </Button>
          )}
        </div>
      )}
      <ul className={classes["list"]} aria-label="Alarms">
        {alerts.map((alert) => (
          <AlertRow
            key={alert.id}
            alert={alert}
            canManage={canManage}
            selected={selection.ids.has(alert.id)}
            current={alert.id === current}
            withDevice={withDevice}
            onSelect={(id, range) => setSelection(choose(selection, order, id, range))}
            onAct={actions.ask}
          />
        ))}
      </ul>
      <CommentDialog {...actions.dialog} />
    </div>
  );
}
