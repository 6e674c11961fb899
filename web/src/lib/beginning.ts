/**
 * The moment (ms UTC) in which the history of a signal begins: with its device, or before that with samples that were
 * kept before it was adopted, or imported. `first` is the oldest of what was asked for, if anything came.
 */
export function beginning(createdAt: string, first: string | undefined): number {
  return Math.min(Date.parse(createdAt), first === undefined ? Infinity : Date.parse(first));
}

/** How much a moving window of `lengthMs` shows: what there is, when that is less. A silence later on stays a gap. */
export const windowOf = (lengthMs: number, beginMs: number, nowMs: number): number => Math.max(Math.min(lengthMs, nowMs - beginMs), 1);
