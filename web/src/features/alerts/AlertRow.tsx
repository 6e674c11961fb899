import { Button, Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Alert } from "@/api/types";
import { SeverityMark } from "@/components/SeverityMark";
import { TimeAgo } from "@/components/TimeAgo";
import { formatDuration, humanise } from "@/lib/format";
import { canResolve, isOpen, lasted, needsAcknowledge, stateWords, valueAgainstLimit } from "./words";
import classes from "./alerts.module.css";

export type AlertVerb = "acknowledge" | "resolve";

interface Props {
  alert: Alert;
  /** May this person change alarms? */
  canManage: boolean;
  selected: boolean;
  /** The one that somebody was sent to: marked, and brought into sight. */
  current: boolean;
  /** Not on a device's own page. */
  withDevice: boolean;
  onSelect: (id: string, range: boolean) => void;
  onAct: (verb: AlertVerb, alert: Alert) => void;
}

/** One alarm: severity, device, what, value against limit, how long, state and who has it, what to do. */
export function AlertRow({ alert, canManage, selected, current, withDevice, onSelect, onAct }: Props) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: "center" });
  }, [current]);
  const open = isOpen(alert);
  return (
    <li ref={row} className={classes["row"]} data-level={alert.level} data-quiet={!open || undefined} aria-current={current || undefined}>
      {canManage && open && (
        <Checkbox
          className={classes["check"]}
          aria-label={`Choose ${alert.id}`}
          checked={selected}
          onChange={(event) => onSelect(alert.id, (event.nativeEvent as MouseEvent).shiftKey)}
        />
      )}
      <div className={classes["mark"]}>
        <SeverityMark level={alert.level} label={humanise(alert.severity)} blink={alert.state === "unacknowledged"} />
      </div>
      <What alert={alert} withDevice={withDevice} />
      <Values alert={alert} />
      <div className={classes["since"]}>
        <TimeAgo at={alert.triggeredAt} as={open ? "for" : "ago"} />
      </div>
      <State alert={alert} />
      {canManage && open && (
        <div className={classes["actions"]}>
          {canResolve(alert) && (
            <Button variant="subtle" color="gray" onClick={() => onAct("resolve", alert)}>
              Resolve
            </Button>
          )}
          {needsAcknowledge(alert) && (
            <Button variant="default" onClick={() => onAct("acknowledge", alert)}>
              Acknowledge
            </Button>
          )}
        </div>
      )}
    </li>
  );
}

function What({ alert, withDevice }: Pick<Props, "alert" | "withDevice">) {
  const comment = alert.comments.at(-1);
  return (
    <div className={classes["what"]}>
      {withDevice && (
        <Link to="/devices/$deviceId" params={{ deviceId: alert.deviceId }} className={classes["device"]}>
          {alert.deviceName || alert.deviceId}
        </Link>
      )}
      <span className={withDevice ? undefined : classes["device"]}>{alert.message}</span>
      {isOpen(alert) && alert.guidance && <span className={classes["quiet"]}>{alert.guidance}</span>}
      {comment && (
        <span className={classes["quiet"]}>
          {comment.author}: “{comment.text}”
        </span>
      )}
    </div>
  );
}

function Values({ alert }: Pick<Props, "alert">) {
  const values = valueAgainstLimit(alert);
  return (
    <div className={classes["values"]}>
      {values && <strong>{values.value}</strong>} {values?.limit && <span className={classes["quiet"]}>{values.limit}</span>}
    </div>
  );
}

function State({ alert }: Pick<Props, "alert">) {
  const length = isOpen(alert) ? null : lasted(alert);
  return (
    <div className={classes["state"]}>
      {stateWords(alert)}
      {length !== null && `, lasted ${length < 1_000 ? "under 1 s" : formatDuration(length)}`}
    </div>
  );
}
