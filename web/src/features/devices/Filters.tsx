import { NativeSelect, TextInput } from "@mantine/core";
import { useMemo } from "react";
import type { Device } from "@/api/types";
import { Icon } from "@/components/icons";
import { groupByType } from "@/lib/deviceList";
import { humanise } from "@/lib/format";
import classes from "./devices.module.css";
import type { Listing } from "./listing";

const STATES = [
  { value: "", label: "Any state" },
  { value: "abnormal", label: "Abnormal" },
  { value: "active", label: "Active" },
  { value: "offline", label: "Offline" },
  { value: "unknown", label: "Never seen" },
  { value: "disabled", label: "Disabled" },
];

interface Props {
  devices: readonly Device[];
  url: Listing;
  onChange: (change: { q?: string | undefined; type?: string | undefined; state?: string | undefined }) => void;
}

export function Filters({ devices, url, onChange }: Props) {
  const types = useMemo(
    () => [
      { value: "", label: "Any type" },
      ...groupByType(devices)
        .sort((a, b) => a.type.localeCompare(b.type))
        .map(({ type, total }) => ({ value: type, label: `${humanise(type)} (${total})` })),
    ],
    [devices],
  );
  return (
    <search className={classes["filters"]}>
      <TextInput
        aria-label="Search devices"
        placeholder="Name, id, type or place"
        leftSection={<Icon name="search" size={18} />}
        size="md"
        className={classes["query"] ?? ""}
        value={url.q ?? ""}
        onChange={(event) => onChange({ q: event.currentTarget.value })}
      />
      <NativeSelect
        aria-label="Type"
        size="md"
        data={types}
        value={url.type ?? ""}
        onChange={(event) => onChange({ type: event.currentTarget.value })}
      />
      <NativeSelect
        aria-label="State"
        size="md"
        data={STATES}
        value={url.state ?? ""}
        onChange={(event) => onChange({ state: event.currentTarget.value })}
      />
    </search>
  );
}
