import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { useCan } from "@/api/hooks";
import type { Alert } from "@/api/types";
import { AlertRow } from "./AlertRow";
import { CommentDialog } from "./CommentDialog";
import { choose, chooseAll, chosen, EMPTY } from "./selection";
import { useAlertActions } from "./useAlertActions";
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
  const order = alerts.map((alert) => alert.id);
  const picked = chosen(selection, order);

  return (
    <div className={classes["alarms"]}>
      {canManage && (
        <div className={classes["bar"]} role="group" aria-label="Chosen alarms">
          <Checkbox
            label={picked.length > 0 ? `${picked.length} chosen` : "Choose all"}
            checked={picked.length === order.length}
            indeterminate={picked.length > 0 && picked.length < order.length}
            onChange={(event) => setSelection(chooseAll(order, event.currentTarget.checked))}
          />
          {picked.length > 0 && (
            <>
              <Button onClick={() => actions.askMany("acknowledge", picked)}>Acknowledge</Button>
              <Button variant="default" onClick={() => actions.askMany("resolve", picked)}>
                Resolve
              </Button>
            </>
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
