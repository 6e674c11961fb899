import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTimeZone } from "@/api/hooks";
import type { Limits } from "@/api/types";
import { axes, colours, limitsPlugin, valueRange } from "./plot";
import classes from "./charts.module.css";

type Column = (number | null)[];

/** xs in seconds, then the line; for samples of all qualities those that are not good, for buckets their lowest and highest. */
export type ChartData = [number[], Column] | [number[], Column, Column] | [number[], Column, Column, Column];

interface Props {
  /** Names the chart to screen readers; a table of the same values stands beside every chart. */
  label: string;
  limits: Limits;
  decimals: number;
  height?: number;
  /** Seconds UTC: what the time axis shows, whatever data there is. */
  range: () => [number, number];
  data?: ChartData;
  /** Gives the plot to a caller that feeds it live. */
  onPlot?: (plot: uPlot) => () => void;
  /** Makes a range choosable by dragging over it; ms UTC. Whoever uses it also offers buttons. */
  onZoom?: (fromMs: number, toMs: number) => void;
}

const EMPTY: ChartData = [[], []];

/** A drag of less is a click. */
const LEAST_DRAG_PX = 5;

function zoom(plot: uPlot, onZoom: Props["onZoom"]): void {
  const { left, width, height } = plot.select;
  if (width < LEAST_DRAG_PX) return;
  const at = (pixel: number) => plot.posToVal(pixel, "x") * 1_000;
  const [from, to] = [at(left), at(left + width)];
  plot.setSelect({ left: 0, width: 0, top: 0, height }, false);
  onZoom?.(from, to);
}

function options(props: Props, width: number, timeZone: string, columns: ChartData["length"]): uPlot.Options {
  const palette = colours();
  const line: uPlot.Series = { stroke: palette.trace, width: 1.5, points: { show: false }, spanGaps: false };
  const doubtful: uPlot.Series = { ...line, stroke: palette.noData, dash: [4, 4] };
  const edge: uPlot.Series = { stroke: "transparent", points: { show: false }, spanGaps: false };
  return {
    width,
    height: props.height ?? 260,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), timeZone),
    legend: { show: false },
    cursor: { drag: { x: props.onZoom !== undefined, y: false, setScale: false } },
    hooks: { setSelect: [(plot) => zoom(plot, props.onZoom)] },
    scales: {
      x: { time: true, range: () => props.range() },
      y: { range: (_, low, high) => valueRange(low, high, props.limits) },
    },
    series: { 2: [{}, line], 3: [{}, line, doubtful], 4: [{}, line, edge, edge] }[columns],
    ...(columns === 4 ? { bands: [{ series: [3, 2] as [number, number], fill: `${palette.trace}33` }] } : {}),
    axes: axes({ palette, timeZone, decimals: props.decimals }),
    plugins: [limitsPlugin(props.limits, palette)],
  };
}

/** A line over time with its band and limits. Redraws only its canvas: no React render a sample. */
export function TimeChart(props: Props) {
  const { data = EMPTY, label, limits, decimals, height, range, onPlot, onZoom } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme();
  const timeZone = useTimeZone();
  const columns = data.length;
  const limitsKey = JSON.stringify(limits);
  const fixedLimits = useMemo(() => JSON.parse(limitsKey) as Limits, [limitsKey]);
  const newest = useRef(data);

  useEffect(() => {
    newest.current = data;
    plot.current?.setData(data);
  }, [data]);

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const shared = { label, limits: fixedLimits, decimals, range, ...(height === undefined ? {} : { height }), ...(onZoom && { onZoom }) };
    const made = new uPlot(options(shared, element.clientWidth, timeZone, columns), newest.current, element);
    plot.current = made;
    const release = onPlot?.(made);
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: made.height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      release?.();
      made.destroy();
      plot.current = null;
    };
    // The scheme changes the colours that the options read from the page.
  }, [label, fixedLimits, decimals, height, range, onPlot, onZoom, scheme, timeZone, columns]);

  return <div ref={host} role="img" aria-label={label} className={classes["chart"]} style={{ minHeight: height ?? 260 }} />;
}
