import { Button, Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Alert } from "@/api/types";
import { SeverityMark } from "@/components/SeverityMark";
import { TimeAgo } from "@/components/TimeAgo";
import { humanise } from "@/lib/format";
import { isOpen, needsAcknowledge, stateWords, valueAgainstLimit } from "./words";
import classes from "./AlertRow.module.css";

export type AlertVerb = "acknowledge" | "resolve";

interface Props {
  alert: Alert;
  /** May this person change alarms? */
  canManage: boolean;
  selected: boolean;
  onSelect: (id: string, range: boolean) => void;
  onAct: (verb: AlertVerb, alert: Alert) => void;
}

/** One alarm: severity, device, what, value against limit, how long, state and who has it, what to do. */
export function AlertRow({ alert, canManage, selected, onSelect, onAct }: Props) {
  const values = valueAgainstLimit(alert);
  return (
    <li className={classes["row"]} data-level={alert.level} data-quiet={!isOpen(alert) || undefined}>
      {canManage && (
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
      <div className={classes["what"]}>
        <Link to="/devices/$deviceId" params={{ deviceId: alert.deviceId }} className={classes["device"]}>
          {alert.deviceName || alert.deviceId}
        </Link>
        <span className={classes["message"]}>{alert.message}</span>
        {values && <span className={classes["values"]}>{values}</span>}
        {isOpen(alert) && alert.guidance && <span className={classes["guidance"]}>{alert.guidance}</span>}
        {alert.comments.slice(-1).map((comment) => (
          <span key={comment.at} className={classes["comment"]}>
            “{comment.text}” {comment.author}
          </span>
        ))}
      </div>
      <div className={classes["since"]}>
        <TimeAgo at={alert.triggeredAt} as={isOpen(alert) ? "for" : "ago"} />
        <span className={classes["state"]}>{stateWords(alert)}</span>
      </div>
      {canManage && (
        <div className={classes["actions"]}>
          {needsAcknowledge(alert) && (
            <Button size="sm" onClick={() => onAct("acknowledge", alert)}>
              Acknowledge
            </Button>
          )}
          {alert.status !== "resolved" && (
            <Button size="sm" variant="default" onClick={() => onAct("resolve", alert)}>
              Resolve
            </Button>
          )}
        </div>
      )}
    </li>
  );
}
