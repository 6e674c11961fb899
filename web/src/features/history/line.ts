import type { HistoryReading } from "@/api/types";
import type { ChartData } from "@/components/charts/TimeChart";

/** On and off are drawn as 1 and 0. What has no value parts the line; the server says where that is. */
const drawn = ({ value }: HistoryReading): number | null => (typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null);

const isDoubtful = (reading: HistoryReading): boolean => reading.quality !== "good" && drawn(reading) !== null;

/** Readings as columns: the good ones, and when `bySample`, apart from them those that are not, with the way there and back. */
export function toLine(readings: readonly HistoryReading[], bySample: boolean): ChartData {
  const xs = readings.map(({ timestamp }) => Date.parse(timestamp) / 1_000);
  // A sum of many samples has the worst quality of them, but is made of the good ones.
  if (!bySample || !readings.some(isDoubtful)) return [xs, readings.map(drawn)];
  const near = (at: number) => [at - 1, at, at + 1].some((place) => readings[place] !== undefined && isDoubtful(readings[place]));
  return [
    xs,
    readings.map((reading) => (isDoubtful(reading) ? null : drawn(reading))),
    readings.map((reading, at) => (near(at) ? drawn(reading) : null)),
  ];
}
