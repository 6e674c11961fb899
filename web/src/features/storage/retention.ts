import type { NewRetention, Retention, RetentionOverride, RetentionPolicy, StorageTier } from "@/api/types";

/** The tiers as people call them, with the field that says how long each is kept. */
export const TIERS = [
  { tier: "raw", field: "rawDays", label: "Samples", hint: "As the devices sent them" },
  { tier: "1m", field: "minuteDays", label: "Minutes", hint: "Mean, lowest and highest of each minute" },
  { tier: "1h", field: "hourDays", label: "Hours", hint: "Mean, lowest and highest of each hour" },
] as const satisfies readonly { tier: StorageTier["tier"]; field: keyof RetentionPolicy; label: string; hint: string }[];

export const tierLabel = (tier: StorageTier["tier"]): string => TIERS.find((each) => each.tier === tier)?.label ?? tier;

export type DayField = (typeof TIERS)[number]["field"];
/** Days as they are typed; empty is for ever. */
export type DayTexts = Record<DayField, string>;

export interface OverrideDraft extends DayTexts {
  deviceId: string;
  /** Empty: all signals of the device. */
  tag: string;
}

export interface Draft {
  own: DayTexts;
  overrides: OverrideDraft[];
}

/** The server's bounds: an hour and a hundred years. */
const [LEAST, MOST] = [1 / 24, 36_500];

const toTexts = (policy: RetentionPolicy): DayTexts => ({
  rawDays: policy.rawDays === null ? "" : String(policy.rawDays),
  minuteDays: policy.minuteDays === null ? "" : String(policy.minuteDays),
  hourDays: policy.hourDays === null ? "" : String(policy.hourDays),
});

export const toDraft = (retention: Retention): Draft => ({
  own: toTexts(retention.policy),
  overrides: retention.overrides.map(({ deviceId, tag, policy }) => ({ deviceId, tag: tag ?? "", ...toTexts(policy) })),
});

/** What is wrong with a number of days, or undefined. */
export function dayProblem(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  const days = Number(text);
  if (!Number.isFinite(days)) return "Not a number";
  return days < LEAST || days > MOST ? "From 0.05 to 36,500 days" : undefined;
}

const problemIn = (texts: DayTexts): boolean => TIERS.some(({ field }) => dayProblem(texts[field]) !== undefined);

const days = (text: string): number | null => (text.trim() === "" ? null : Number(text));

const toPolicy = (texts: DayTexts): RetentionPolicy => ({
  rawDays: days(texts.rawDays),
  minuteDays: days(texts.minuteDays),
  hourDays: days(texts.hourDays),
});

export interface Decided {
  policy: RetentionPolicy;
  overrides: RetentionOverride[];
}

/** What the draft says; null while something in it is wrong. */
export function decided(draft: Draft): Decided | null {
  if (problemIn(draft.own) || draft.overrides.some((each) => problemIn(each) || each.deviceId === "")) return null;
  const overrides = draft.overrides.map((each) => ({ deviceId: each.deviceId, tag: each.tag || null, policy: toPolicy(each) }));
  return { policy: toPolicy(draft.own), overrides };
}

export const toBody = ({ policy, overrides }: Decided): NewRetention => ({ policy, overrides });

const sameDays = (one: RetentionPolicy, other: RetentionPolicy) => TIERS.every(({ field }) => one[field] === other[field]);
const keyOf = (override: RetentionOverride) => `${override.deviceId}\u0000${override.tag ?? ""}`;

export function isSame(before: Decided, after: Decided): boolean {
  const old = new Map(before.overrides.map((each) => [keyOf(each), each.policy]));
  return (
    sameDays(before.policy, after.policy) &&
    before.overrides.length === after.overrides.length &&
    after.overrides.every((each) => {
      const policy = old.get(keyOf(each));
      return policy !== undefined && sameDays(policy, each.policy);
    })
  );
}

/** The preset that the days are, by name. */
export const presetOf = (presets: Retention["presets"], policy: RetentionPolicy): string | undefined =>
  Object.keys(presets).find((name) => presets[name] && sameDays(presets[name], policy));

/** What holds for a device, or one of its signals: its own beats its device's, that beats the rest. */
function effective({ policy, overrides }: Decided, deviceId: string, tag: string | null): RetentionPolicy {
  const find = (wanted: string | null) => overrides.find((each) => each.deviceId === deviceId && each.tag === wanted)?.policy;
  return (tag === null ? undefined : find(tag)) ?? find(null) ?? policy;
}

/** A tier that is to be kept for a shorter time than it was. */
export interface Shortened {
  /** Null: everything that has no time of its own. */
  target: { deviceId: string; tag: string | null } | null;
  tier: StorageTier["tier"];
  /** Null: for ever. */
  from: number | null;
  to: number;
}

function shorterTiers(target: Shortened["target"], old: RetentionPolicy, next: RetentionPolicy): Shortened[] {
  return TIERS.flatMap(({ tier, field }) => {
    const [from, to] = [old[field], next[field]];
    return to !== null && (from === null || to < from) ? [{ target, tier, from, to }] : [];
  });
}

/** All that would be kept for a shorter time than now, the rest first, then by device. */
export function shortened(before: Decided, after: Decided): Shortened[] {
  const named = new Map([...before.overrides, ...after.overrides].map((each) => [keyOf(each), each]));
  const single = [...named.values()].sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
  return [
    ...shorterTiers(null, before.policy, after.policy),
    ...single.flatMap(({ deviceId, tag }) =>
      shorterTiers({ deviceId, tag }, effective(before, deviceId, tag), effective(after, deviceId, tag)),
    ),
  ];
}

const DAY_MS = 86_400_000;

/** What a shorter time deletes at once. */
export interface Loss extends Shortened {
  /** ms UTC: the oldest that is there, and where what is kept would begin. Oldest null: not known. */
  oldest: number | null;
  before: number;
}

/** Those that reach into what is stored. Without figures of the storage every shorter time counts. */
export function losses(shorter: readonly Shortened[], tiers: readonly StorageTier[] | undefined, nowMs: number): Loss[] {
  return shorter.flatMap((each): Loss[] => {
    const cut = nowMs - each.to * DAY_MS;
    if (!tiers) return [{ ...each, oldest: null, before: cut }];
    const oldest = Date.parse(tiers.find(({ tier }) => tier === each.tier)?.oldest ?? "");
    return oldest < cut ? [{ ...each, oldest, before: cut }] : [];
  });
}

/** "7 days", "2 years", "for ever". */
export function formatDays(count: number | null): string {
  if (count === null) return "for ever";
  const [amount, noun] = count >= 365 && count % 365 === 0 ? [count / 365, "year"] : count < 1 ? [count * 24, "hour"] : [count, "day"];
  return `${Number(amount.toFixed(1))} ${noun}${amount === 1 ? "" : "s"}`;
}
