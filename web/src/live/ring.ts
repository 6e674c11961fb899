/**
 * The last `capacity` points of one signal in time order, as two typed arrays that a chart can draw from.
 * Values that are not good are kept as NaN: a chart shows a gap there, never a line across nothing.
 */
export class Ring {
  private times!: Float64Array;
  private numbers!: Float64Array;
  private start = 0;
  private end = 0;

  constructor(public capacity: number) {
    this.allocate(new Float64Array(0), new Float64Array(0));
  }

  /** Room for at least this many points; what is there stays. */
  reserve(capacity: number): void {
    if (capacity <= this.capacity) return;
    this.capacity = capacity;
    this.allocate(this.xs, this.ys);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Milliseconds UTC, ascending. A view: it changes with the next push. */
  get xs(): Float64Array {
    return this.times.subarray(this.start, this.end);
  }

  get ys(): Float64Array {
    return this.numbers.subarray(this.start, this.end);
  }

  get lastTime(): number {
    return this.length ? (this.times[this.end - 1] ?? NaN) : NaN;
  }

  /** Adds a point where its time belongs; the same time again is a correction and replaces. */
  push(time: number, value: number): void {
    if (this.end === this.times.length) this.compact();
    let at = this.end;
    while (at > this.start && (this.times[at - 1] ?? 0) > time) at -= 1;
    if (at > this.start && this.times[at - 1] === time) {
      this.numbers[at - 1] = value;
      return;
    }
    if (at < this.end) this.makeRoom(at);
    this.times[at] = time;
    this.numbers[at] = value;
    this.end += 1;
    if (this.length > this.capacity) this.start += 1;
  }

  /** Forgets everything up to and with this time. */
  dropUntil(time: number): void {
    while (this.start < this.end && (this.times[this.start] ?? 0) <= time) this.start += 1;
  }

  private allocate(xs: Float64Array, ys: Float64Array): void {
    // Twice the capacity, so that moving everything to the front is rare.
    const times = new Float64Array(this.capacity * 2);
    const numbers = new Float64Array(this.capacity * 2);
    times.set(xs);
    numbers.set(ys);
    [this.times, this.numbers, this.start, this.end] = [times, numbers, 0, xs.length];
  }

  private compact(): void {
    this.times.copyWithin(0, this.start, this.end);
    this.numbers.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
  }

  private makeRoom(at: number): void {
    this.times.copyWithin(at + 1, at, this.end);
    this.numbers.copyWithin(at + 1, at, this.end);
  }
}
