import { Button, Group, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { explain } from "@/api/errors";
import { useCan } from "@/api/hooks";
import { useConfigureDevice } from "@/api/mutations";
import type { DeviceDetail, Limits, Tag } from "@/api/types";
import { Panel } from "@/components/Page";
import { formatValue, NO_VALUE, unitSymbol } from "@/lib/format";
import { changes, FIELDS, parseLimits, toTexts, type Problems } from "./limitForm";
import classes from "./devicedetail.module.css";

/** The bands of a tag. Who may change them sees what will change before it is saved. */
export function LimitsPanel({ device, tag }: { device: DeviceDetail; tag: Tag }) {
  const canEdit = useCan("devices:write") && tag.kind === "number";
  const [editing, setEditing] = useState(false);
  const edit = canEdit && !editing && (
    <Button variant="default" onClick={() => setEditing(true)}>
      Edit
    </Button>
  );
  return (
    <Panel title="Limits" actions={edit}>
      {editing ? (
        <Form key={tag.name} device={device} tag={tag} onDone={() => setEditing(false)} />
      ) : (
        <dl className={classes["statistics"]}>
          {FIELDS.map(({ name, label }) => (
            <div key={name}>
              <dt>{label}</dt>
              <dd>
                {tag.limits[name] === null ? NO_VALUE : formatValue(tag.limits[name], tag.decimals)}{" "}
                {tag.limits[name] !== null && <span className={classes["unit"]}>{unitSymbol(tag.unit)}</span>}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Panel>
  );
}

function Form({ device, tag, onDone }: { device: DeviceDetail; tag: Tag; onDone: () => void }) {
  const [texts, setTexts] = useState(() => toTexts(tag.limits));
  const [problems, setProblems] = useState<Problems>({});
  const save = useConfigureDevice(device.deviceId);
  const parsed = parseLimits(texts);
  const changed = "limits" in parsed ? changes(tag.limits, parsed.limits) : [];

  const submit = (limits: Limits) =>
    save.mutate(
      { tags: { [tag.name]: limits } },
      {
        onSuccess: () => {
          notifications.show({ message: "Limits saved; alarms go by them from now on" });
          onDone();
        },
      },
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if ("problems" in parsed) setProblems(parsed.problems);
        else submit(parsed.limits);
      }}
    >
      <div className={classes["fields"]}>
        {FIELDS.map(({ name, label }) => (
          <TextInput
            key={name}
            label={`${label} (${unitSymbol(tag.unit) || "no unit"})`}
            inputMode="decimal"
            value={texts[name]}
            error={problems[name]}
            onChange={(event) => {
              setTexts({ ...texts, [name]: event.currentTarget.value });
              setProblems({});
            }}
          />
        ))}
      </div>
      <p className={classes["note"]} aria-live="polite">
        {changed.length > 0 ? changed.join("; ") : "Nothing is changed yet."}
      </p>
      {save.error && <p role="alert">{explain(save.error)}</p>}
      <Group>
        <Button type="submit" loading={save.isPending} disabled={"limits" in parsed && changed.length === 0}>
          Save limits
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </Group>
    </form>
  );
}
