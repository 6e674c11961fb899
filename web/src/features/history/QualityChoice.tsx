import { NativeSelect } from "@mantine/core";
import { QUALITIES, readQuality, type Quality } from "./qualities";

interface Props {
  quality: Quality;
  /** Undefined: all, as when nothing is said. */
  onQuality: (quality: Quality | undefined) => void;
}

/** Samples of which quality are drawn. */
export function QualityChoice({ quality, onQuality }: Props) {
  return (
    <NativeSelect
      wrapperProps={{ "data-more": true }}
      label="Quality"
      size="md"
      value={quality}
      data={QUALITIES}
      onChange={({ currentTarget: { value } }) => onQuality(value === "all" ? undefined : readQuality(value))}
    />
  );
}
