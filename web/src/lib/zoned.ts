/** Times as a site's clock shows them, to and from UTC. */

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const found = formats.get(timeZone);
  if (found) return found;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  formats.set(timeZone, made);
  return made;
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** The site's wall clock at a moment, read as if it were UTC: ms. */
function wallClock(ms: number, timeZone: string): number {
  const whole = Math.floor(ms / 1_000) * 1_000;
  const parts = Object.fromEntries(formatOf(timeZone).formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
  const at = (name: string) => parts[name] ?? 0;
  const date = new Date(0);
  date.setUTCFullYear(at("year"), at("month") - 1, at("day"));
  date.setUTCHours(at("hour"), at("minute"), at("second"));
  return date.getTime() + (ms - whole);
}

const HOUR_MS = 3_600_000;
const changes = new Map<string, boolean>();

/** Whether a site's clock is changed within some hours of a moment; looked up once an hour of data. */
function changesNear(ms: number, timeZone: string): boolean {
  const hour = Math.floor(ms / HOUR_MS);
  const key = `${timeZone} ${hour}`;
  const known = changes.get(key);
  if (known !== undefined) return known;
  if (changes.size >= 1_000) changes.clear();
  const [before, after] = [hour - 3, hour + 4].map((each) => wallClock(each * HOUR_MS, timeZone) - each * HOUR_MS);
  changes.set(key, before !== after);
  return before !== after;
}

/** Whether the site's clock shows the same time at another moment as well: it was put back in between. */
export function comesTwice(ms: number, timeZone: string): boolean {
  if (!changesNear(ms, timeZone)) return false;
  const wall = wallClock(ms, timeZone);
  return [-1, -0.5, 0.5, 1].some((hours) => wallClock(ms + hours * HOUR_MS, timeZone) === wall);
}

/** The moment (ms UTC) at which the site's clock shows `wall` (ms, read as if it were UTC); of two, the first. */
export function fromWallClock(wall: number, timeZone: string): number {
  const offset = (ms: number) => wallClock(ms, timeZone) - ms;
  // The offsets of the day before and after are the only ones that a clock change can choose between.
  const candidates = [offset(wall - 86_400_000), offset(wall + 86_400_000)].map((each) => wall - each);
  const right = candidates.filter((each) => wallClock(each, timeZone) === wall);
  // A time that the clock jumps over is taken as it would be without the jump.
  return right.length > 0 ? Math.min(...right) : (candidates[0] ?? wall);
}

/** `2025-01-11T10:00`, as an input of date and time wants it. */
export const toLocalText = (ms: number, timeZone: string): string => new Date(wallClock(ms, timeZone)).toISOString().slice(0, 16);

/** ms UTC of what stands in such an input; NaN when it is no time. */
export function fromLocalText(text: string, timeZone: string): number {
  const wall = Date.parse(`${text}Z`);
  return Number.isNaN(wall) ? NaN : fromWallClock(wall, timeZone);
}
