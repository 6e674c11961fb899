import { ActionIcon, Button, Group, Popover, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTimeZone } from "@/api/hooks";
import { Icon } from "@/components/icons";
import { formatTime } from "@/lib/format";
import { fromLocalText, toLocalText } from "@/lib/zoned";
import { serverNow } from "@/live/clock";
import { ends, PRESETS, presetOf, shifted, zoomed, type TimeRange } from "@/lib/timeRange";
import classes from "./history.module.css";

interface Props {
  range: TimeRange;
  onRange: (range: TimeRange) => void;
}

/** One range for everything: the last hours or days, any two moments, and steps from there. */
export function RangeControl({ range, onRange }: Props) {
  return (
    <div className={classes["range"]}>
      <SegmentedControl
        className={classes["presets"] ?? ""}
        aria-label="Time range"
        value={presetOf(range) ?? ""}
        data={PRESETS.map(({ from, label }) => ({ value: from, label }))}
        onChange={(from) => onRange({ from, to: "now" })}
      />
      <Group gap={4} wrap="nowrap" className={classes["steps"] ?? ""}>
        <Step label="Earlier" turned onClick={() => onRange(shifted(range, -1, serverNow()))} />
        <Step label="Later" onClick={() => onRange(shifted(range, 1, serverNow()))} />
        <Button variant="default" size="md" px={12} onClick={() => onRange(zoomed(range, 0.5, serverNow()))}>
          Closer
        </Button>
        <Button variant="default" size="md" px={12} onClick={() => onRange(zoomed(range, 2, serverNow()))}>
          Wider
        </Button>
      </Group>
      <Moments key={`${range.from} ${range.to}`} range={range} onRange={onRange} />
    </div>
  );
}

function Step({ label, turned = false, onClick }: { label: string; turned?: boolean; onClick: () => void }) {
  return (
    <ActionIcon variant="default" size={44} aria-label={label} title={label} onClick={onClick}>
      <Icon name="chevron" {...(turned && { style: { transform: "scaleX(-1)" } })} />
    </ActionIcon>
  );
}

/** The range in words; pressed, any two moments can be typed. */
function Moments({ range, onRange }: Props) {
  const timeZone = useTimeZone();
  const [opened, setOpened] = useState(false);
  const [from, to] = ends(range, serverNow());
  const text = (ms: number) => formatTime(ms, timeZone);
  return (
    <Popover opened={opened} onChange={setOpened} trapFocus returnFocus position="bottom-start" withinPortal>
      <Popover.Target>
        <Button data-more variant="default" px={12} classNames={{ root: classes["moments"] ?? "", label: classes["momentsLabel"] ?? "" }} onClick={() => setOpened(!opened)}>
          {text(from)} – {text(to)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="From and to">
        <Form
          initial={[from, to]}
          timeZone={timeZone}
          onSubmit={(next) => {
            setOpened(false);
            onRange(next);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

interface FormProps {
  initial: [number, number];
  timeZone: string;
  onSubmit: (range: TimeRange) => void;
}

function Form({ initial, timeZone, onSubmit }: FormProps) {
  const [texts, setTexts] = useState(() => initial.map((ms) => toLocalText(ms, timeZone)));
  const [from = NaN, to = NaN] = texts.map((text) => fromLocalText(text, timeZone));
  const fine = from < to;
  const input = (place: number) => ({
    type: "datetime-local",
    value: texts[place] ?? "",
    onChange: (event: { currentTarget: { value: string } }) => setTexts(texts.map((text, at) => (at === place ? event.currentTarget.value : text))),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (fine) onSubmit({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
      }}
    >
      <Stack gap="sm">
        <TextInput label={`From (${timeZone})`} data-autofocus {...input(0)} />
        <TextInput label={`To (${timeZone})`} {...input(1)} error={fine ? undefined : "Must be later than the start"} />
        <Button type="submit" disabled={!fine}>
          Show
        </Button>
      </Stack>
    </form>
  );
}
