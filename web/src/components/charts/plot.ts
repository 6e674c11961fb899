import uPlot from "uplot";
import type { Limits } from "@/api/types";
import { formatTime, formatValue } from "@/lib/format";

/** The theme's colours as a canvas needs them; read anew when the theme changes. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { ink: read("--ink-dim"), grid: read("--grid"), trace: read("--trace"), band: read("--band"), critical: read("--critical"), noData: read("--no-data") };
}

export type Colours = ReturnType<typeof colours>;

/** Draws the normal band and the alarm limits behind the line. */
export function limitsPlugin(limits: Limits, palette: Colours): uPlot.Plugin {
  const draw = (plot: uPlot) => {
    const { ctx, bbox } = plot;
    const y = (value: number) => plot.valToPos(value, "y", true);
    const clamp = (at: number) => Math.min(Math.max(at, bbox.top), bbox.top + bbox.height);
    ctx.save();
    const { normalMin, normalMax } = limits;
    if (normalMin !== null || normalMax !== null) {
      const top = normalMax === null ? bbox.top : clamp(y(normalMax));
      const bottom = normalMin === null ? bbox.top + bbox.height : clamp(y(normalMin));
      ctx.globalAlpha = 0.3;
      ctx.fillStyle = palette.band;
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    }
    ctx.globalAlpha = 0.8;
    ctx.strokeStyle = palette.critical;
    ctx.setLineDash([6, 5]);
    for (const limit of [limits.alertMin, limits.alertMax]) {
      if (limit === null || y(limit) !== clamp(y(limit))) continue;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y(limit));
      ctx.lineTo(bbox.left + bbox.width, y(limit));
      ctx.stroke();
    }
    ctx.restore();
  };
  return { hooks: { drawClear: draw } };
}

/** The value axis holds the data with a margin, and an alarm limit that is near it. */
export function valueRange(low: number | null, high: number | null, limits: Limits): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) {
    const known = Object.values(limits).filter((limit): limit is number => limit !== null);
    return known.length > 1 ? [Math.min(...known), Math.max(...known)] : [0, 1];
  }
  const span = high - low || Math.abs(high) * 0.1 || 1;
  let [from, to] = [low - span * 0.1, high + span * 0.1];
  const near = (limit: number | null): limit is number => limit !== null && limit > low - span && limit < high + span;
  for (const limit of [limits.alertMin, limits.alertMax]) {
    if (!near(limit)) continue;
    from = Math.min(from, limit - span * 0.05);
    to = Math.max(to, limit + span * 0.05);
  }
  return [from, to];
}

interface AxisOptions {
  palette: Colours;
  timeZone: string;
  decimals: number;
}

const HOUR_S = 3_600;

/** Ticks of the time axis: clock times while they are less than a day apart, else dates. */
function timeLabels(splits: number[], step: number, timeZone: string): string[] {
  const style = step < 60 ? "time" : step < 24 * HOUR_S ? "minute" : "day";
  return splits.map((split) => {
    const clock = formatTime(split * 1_000, timeZone, style);
    return style !== "day" && clock.startsWith("00:00") ? formatTime(split * 1_000, timeZone, "day") : clock;
  });
}

const DIGIT_PX = 7.5;

/** Room for the longest label, in steps, so that the chart does not jump as the numbers change. */
const labelWidth = (labels: readonly string[] | null): number =>
  20 * Math.ceil((24 + DIGIT_PX * Math.max(4, ...(labels ?? []).map((label) => label.length))) / 20);

/** Axes in the theme's greys, times in the site's zone. */
export function axes({ palette, timeZone, decimals }: AxisOptions): uPlot.Axis[] {
  const shared = { stroke: palette.ink, grid: { stroke: palette.grid, width: 1 }, ticks: { stroke: palette.grid, width: 1 } };
  return [
    { ...shared, size: 32, space: 80, values: (_, splits, _axis, _space, step) => timeLabels(splits, step, timeZone) },
    { ...shared, size: (_, labels) => labelWidth(labels), values: (_, splits) => splits.map((split) => formatValue(split, decimals)) },
  ];
}
