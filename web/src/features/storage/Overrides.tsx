import { ActionIcon, Button, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { deviceQuery, devicesQuery } from "@/api/queries";
import { Icon } from "@/components/icons";
import { dayProblem, TIERS, type DayTexts, type OverrideDraft } from "./retention";
import classes from "./storage.module.css";

interface Props {
  overrides: readonly OverrideDraft[];
  /** What a new one begins with. */
  usual: DayTexts;
  onChange: (overrides: OverrideDraft[]) => void;
}

/** Devices and signals that are kept for a time of their own. */
export function Overrides({ overrides, usual, onChange }: Props) {
  const change = (place: number, next: OverrideDraft) => onChange(overrides.map((each, at) => (at === place ? next : each)));
  return (
    <>
      <h3 className={classes["heading"]}>Devices with a time of their own</h3>
      {overrides.length > 0 && (
        <ul className={classes["overrides"]}>
          {overrides.map((override, place) => (
            // Rows have no name until a device is chosen: their place is who they are.
            <Row key={place} override={override} onChange={(next) => change(place, next)} onRemove={() => onChange(overrides.filter((_, at) => at !== place))} />
          ))}
        </ul>
      )}
      <div>
        <Button variant="default" onClick={() => onChange([...overrides, { ...usual, deviceId: "", tag: "" }])}>
          Add a device
        </Button>
      </div>
    </>
  );
}

interface RowProps {
  override: OverrideDraft;
  onChange: (next: OverrideDraft) => void;
  onRemove: () => void;
}

function Row({ override, onChange, onRemove }: RowProps) {
  const devices = useQuery(devicesQuery()).data?.data.devices ?? [];
  const tags = useQuery({ ...deviceQuery(override.deviceId), enabled: override.deviceId !== "" }).data?.data.tags ?? [];
  const ids = [...new Set([...devices.map(({ deviceId }) => deviceId), ...(override.deviceId ? [override.deviceId] : [])])];
  const names = [...new Set([...tags.map(({ name }) => name), ...(override.tag ? [override.tag] : [])])];
  return (
    <li className={classes["override"]}>
      <NativeSelect
        label="Device"
        value={override.deviceId}
        data={[{ value: "", label: "Choose", disabled: true }, ...ids]}
        onChange={(event) => onChange({ ...override, deviceId: event.currentTarget.value, tag: "" })}
      />
      <NativeSelect
        label="Signal"
        value={override.tag}
        data={[{ value: "", label: "All" }, ...names]}
        onChange={(event) => onChange({ ...override, tag: event.currentTarget.value })}
      />
      {TIERS.map(({ field, label }) => (
        <TextInput
          key={field}
          label={`${label}, days`}
          placeholder="for ever"
          inputMode="decimal"
          value={override[field]}
          error={dayProblem(override[field])}
          onChange={(event) => onChange({ ...override, [field]: event.currentTarget.value })}
        />
      ))}
      <ActionIcon variant="default" size={44} aria-label={`Follow the rest again: ${override.deviceId || "new device"}`} onClick={onRemove}>
        <Icon name="close" />
      </ActionIcon>
    </li>
  );
}
