/**
 * SVG path of a signal between `from` and `from + span` (ms), scaled to its own range. A new stroke begins after
 * a gap or a value that is not good (NaN). A flat signal is drawn through the middle, not blown up to noise.
 */
export function sparkPath(
  xs: Float64Array,
  ys: Float64Array,
  from: number,
  span: number,
  width: number,
  height: number,
  gapMs: number,
): string {
  let low = Infinity;
  let high = -Infinity;
  for (let at = 0; at < xs.length; at += 1) {
    const value = ys[at] ?? NaN;
    if ((xs[at] ?? 0) < from || Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return "";
  const least = Math.max(Math.abs(high), Math.abs(low)) * 0.002 || 1;
  const pad = Math.max(0, least - (high - low)) / 2;
  const range = high - low + 2 * pad;
  const pen = 1.5;
  let path = "";
  let last = -Infinity;
  for (let at = 0; at < xs.length; at += 1) {
    const time = xs[at] ?? 0;
    const value = ys[at] ?? NaN;
    if (time < from) continue;
    if (Number.isNaN(value)) {
      last = -Infinity;
      continue;
    }
    const x = ((time - from) / span) * width;
    const y = pen + (1 - (value - low + pad) / range) * (height - 2 * pen);
    const place = `${x.toFixed(1)} ${y.toFixed(1)}`;
    // A stroke of no length, drawn round, shows a point that stands alone.
    path += time - last > gapMs ? `M${place}h0` : `L${place}`;
    last = time;
  }
  return path;
}
