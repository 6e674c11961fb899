import { Checkbox, Group } from "@mantine/core";
import type { DeviceDetail, Tag } from "@/api/types";
import { humanise } from "@/lib/format";
import classes from "./history.module.css";

/** As many as one question takes. */
const MOST = 50;

interface Props {
  device: DeviceDetail;
  chosen: readonly Tag[];
  onChoose: (names: string[]) => void;
}

/** Which signals are drawn; there is always one. */
export function TagChooser({ device, chosen, onChoose }: Props) {
  const drawn = device.tags.filter(({ kind }) => kind !== "text");
  if (drawn.length < 2) return null;
  const names = chosen.map(({ name }) => name);
  return (
    <Checkbox.Group data-more label="Signals" className={classes["signals"] ?? ""} value={names} onChange={(next) => onChoose(next.length > 0 ? next.slice(0, MOST) : names)}>
      <Group gap="md" mt={4} className={classes["signalList"] ?? ""}>
        {drawn.map((tag) => (
          <Checkbox key={tag.id} value={tag.name} label={humanise(tag.name)} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}
