import { ActionIcon, Checkbox, Group, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { deviceQuery, devicesQuery } from "@/api/queries";
import { Icon } from "@/components/icons";
import { humanise } from "@/lib/format";
import { withDevice, withoutDevice, withTag, type Chosen, type Draft } from "./selection";
import classes from "./exports.module.css";

interface Props {
  chosen: readonly Chosen[];
  types: readonly string[];
  /** Names the list of what is chosen. */
  label: string;
  /** Whether all devices of a type can be chosen at once. */
  withTypes?: boolean;
  onChange: (change: Partial<Pick<Draft, "chosen" | "types">>) => void;
}

/** Devices one by one with their signals, and all devices of a type. */
export function DevicePicker({ chosen, types, label, withTypes = true, onChange }: Props) {
  const devices = useQuery(devicesQuery()).data?.data.devices ?? [];
  const ids = devices.map(({ deviceId }) => deviceId).filter((deviceId) => !chosen.some((each) => each.deviceId === deviceId));
  const kinds = [...new Set(devices.map(({ type }) => type))].sort();
  return (
    <>
      {(chosen.length > 0 || types.length > 0) && (
        <ul className={classes["chosen"]} aria-label={label}>
          {chosen.map((each) => (
            <Device key={each.deviceId} chosen={each} all={chosen} onChange={(next) => onChange({ chosen: next })} />
          ))}
          {types.map((type) => (
            <li key={`type ${type}`}>
              <div>All devices of the type {humanise(type)}</div>
              <Remove label={`Without the type ${humanise(type)}`} onClick={() => onChange({ types: types.filter((each) => each !== type) })} />
            </li>
          ))}
        </ul>
      )}
      <Group align="end" grow preventGrowOverflow={false}>
        <NativeSelect
          label="Add a device"
          size="md"
          value=""
          data={[{ value: "", label: "Choose" }, ...ids]}
          onChange={(event) => onChange({ chosen: withDevice(chosen, event.currentTarget.value) })}
          data-autofocus
        />
        {withTypes && (
          <NativeSelect
            label="Add all of a type"
            size="md"
            value=""
            data={[{ value: "", label: "Choose" }, ...kinds.filter((kind) => !types.includes(kind)).map((kind) => ({ value: kind, label: humanise(kind) }))]}
            onChange={({ currentTarget: { value } }) => value && onChange({ types: [...types, value] })}
          />
        )}
      </Group>
    </>
  );
}

function Device({ chosen, all, onChange }: { chosen: Chosen; all: readonly Chosen[]; onChange: (next: readonly Chosen[]) => void }) {
  const { deviceId, tags } = chosen;
  const known = useQuery(deviceQuery(deviceId)).data?.data.tags.map(({ name }) => name) ?? tags ?? [];
  return (
    <li>
      <fieldset className={classes["fieldset"]}>
        <legend>{deviceId}</legend>
        <Group gap="md" className={classes["signals"] ?? ""}>
          {known.map((name) => (
            <Checkbox
              key={name}
              label={humanise(name)}
              checked={tags === null || tags.includes(name)}
              onChange={(event) => onChange(withTag(all, deviceId, known, name, event.currentTarget.checked))}
            />
          ))}
        </Group>
      </fieldset>
      <Remove label={`Without ${deviceId}`} onClick={() => onChange(withoutDevice(all, deviceId))} />
    </li>
  );
}

function Remove({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon variant="default" size={44} aria-label={label} title={label} onClick={onClick}>
      <Icon name="close" />
    </ActionIcon>
  );
}
