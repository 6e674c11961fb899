/** Points of a chart: seconds UTC as uPlot wants them, and null where the line must break. */
export interface Line {
  xs: number[];
  ys: (number | null)[];
}

/**
 * Milliseconds and values as a line that breaks where nothing came for longer than `gapMs`, and where a value
 * is NaN: a chart never draws a line across nothing.
 */
export function withGaps(times: ArrayLike<number>, values: ArrayLike<number>, gapMs: number): Line {
  const xs: number[] = [];
  const ys: (number | null)[] = [];
  let last = NaN;
  for (let i = 0; i < times.length; i += 1) {
    const time = times[i] ?? NaN;
    const value = values[i] ?? NaN;
    if (time - last > gapMs) {
      xs.push((last + gapMs) / 1_000);
      ys.push(null);
    }
    xs.push(time / 1_000);
    ys.push(Number.isNaN(value) ? null : value);
    last = time;
  }
  return { xs, ys };
}
