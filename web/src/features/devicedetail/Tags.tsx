import { UnstyledButton } from "@mantine/core";
import type { DeviceDetail, Tag } from "@/api/types";
import { FreshnessNote, shownLevel } from "@/components/ValueInContext";
import { LimitBar } from "@/components/LimitBar";
import { SeverityMark } from "@/components/SeverityMark";
import { formatValue, humanise, unitSymbol } from "@/lib/format";
import { useTagShown } from "@/live/hooks";
import classes from "./devicedetail.module.css";

interface Props {
  device: DeviceDetail;
  fetchedAt: number;
  chosen: Tag;
  onChoose: (name: string) => void;
}

/** All signals of a device with their present value; choosing one shows it in the charts. */
export function Tags({ device, fetchedAt, chosen, onChoose }: Props) {
  return (
    <ul className={classes["tags"]} aria-label="Signals">
      {device.tags.map((tag) => (
        <li key={tag.id}>
          <TagButton device={device} tag={tag} fetchedAt={fetchedAt} chosen={tag.id === chosen.id} onChoose={onChoose} />
        </li>
      ))}
    </ul>
  );
}

interface ButtonProps extends Omit<Props, "chosen"> {
  tag: Tag;
  chosen: boolean;
}

function TagButton({ device, tag, fetchedAt, chosen, onChoose }: ButtonProps) {
  const shown = useTagShown(device, tag, fetchedAt);
  const level = shownLevel(shown);
  const value = shown.value?.value;
  return (
    <UnstyledButton className={classes["tag"]} aria-pressed={chosen} onClick={() => onChoose(tag.name)} data-level={level}>
      <span className={classes["tagName"]}>{humanise(tag.name)}</span>
      <span className={classes["tagValue"]}>
        <span className={level === "unknown" ? "hatched" : undefined}>{formatValue(value, tag.decimals)}</span>
        <span className={classes["unit"]}>{unitSymbol(tag.unit)}</span>
        <FreshnessNote shown={shown} />
        {level !== "normal" && <SeverityMark level={level} size={14} />}
      </span>
      <LimitBar value={typeof value === "number" ? value : null} limits={tag.limits} level={level} />
    </UnstyledButton>
  );
}
