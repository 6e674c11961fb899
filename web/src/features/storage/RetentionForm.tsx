import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTimeZone } from "@/api/hooks";
import { useDecideRetention } from "@/api/mutations";
import type { HistoryStorage, Retention } from "@/api/types";
import { ConfirmTyped } from "@/components/ConfirmTyped";
import { FormError } from "@/components/FormError";
import { formatTime } from "@/lib/format";
import { serverNow } from "@/live/clock";
import { Overrides } from "./Overrides";
import { dayProblem, decided, formatDays, isSame, losses, presetOf, shortened, tierLabel, TIERS, toBody, toDraft, type Decided, type Draft, type Loss } from "./retention";
import classes from "./storage.module.css";

const PRESETS: Record<string, string> = { s2: "Usual", s1: "Long samples", keep: "Everything for ever" };
const OWN = "own";

interface Props {
  retention: Retention;
  storage: HistoryStorage | undefined;
  onDone: () => void;
}

/** Decides anew how long history is kept. What would be deleted is said, and asks for a typed word. */
export function RetentionForm({ retention, storage, onDone }: Props) {
  const [draft, setDraft] = useState(() => toDraft(retention));
  const [asked, setAsked] = useState<Loss[]>([]);
  const save = useDecideRetention();
  const after = decided(draft);
  const shorter = after ? shortened(retention, after) : [];

  const submit = (wanted: Decided) =>
    save.mutate(toBody(wanted), {
      onSuccess: () => {
        notifications.show({ message: "Decided; it holds within a minute" });
        onDone();
      },
    });
  const check = () => {
    if (!after) return;
    const lost = losses(shorter, storage?.tiers, serverNow());
    if (lost.length > 0) setAsked(lost);
    else submit(after);
  };
  return (
    <form
      className={classes["form"]}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        check();
      }}
    >
      <Times presets={retention.presets} draft={draft} onChange={setDraft} />
      <Overrides overrides={draft.overrides} usual={draft.own} onChange={(overrides) => setDraft({ ...draft, overrides })} />
      {asked.length === 0 && <FormError error={save.error} />}
      <Group>
        <Button type="submit" loading={save.isPending} disabled={!after || isSame(retention, after)}>
          Save
        </Button>
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
      </Group>
      <ConfirmTyped
        opened={asked.length > 0}
        title="This deletes history"
        word="delete"
        action="Delete and save"
        busy={save.isPending}
        error={save.error}
        onConfirm={() => after && submit(after)}
        onClose={() => setAsked([])}
      >
        <Losses losses={asked} known={storage !== undefined} />
      </ConfirmTyped>
    </form>
  );
}

function Times({ presets, draft, onChange }: { presets: Retention["presets"]; draft: Draft; onChange: (draft: Draft) => void }) {
  const now = decided({ own: draft.own, overrides: [] });
  const chosen = (now && presetOf(presets, now.policy)) ?? OWN;
  const choose = (name: string) => {
    const policy = presets[name];
    if (policy) onChange({ ...toDraft({ preset: null, presets, policy, overrides: [] }), overrides: draft.overrides });
  };
  const options = Object.keys(presets).map((name) => ({ value: name, label: PRESETS[name] ?? name }));
  return (
    <>
      <NativeSelect
        label="Kept as"
        maw={280}
        value={chosen}
        data={[...options, { value: OWN, label: "Own times", disabled: chosen !== OWN }]}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      <div className={classes["days"]}>
        {TIERS.map(({ field, label, hint }) => (
          <TextInput
            key={field}
            label={`${label}, days`}
            description={`${hint}; empty: for ever`}
            placeholder="for ever"
            inputMode="decimal"
            value={draft.own[field]}
            error={dayProblem(draft.own[field])}
            onChange={(event) => onChange({ ...draft, own: { ...draft.own, [field]: event.currentTarget.value } })}
          />
        ))}
      </div>
    </>
  );
}

function Losses({ losses: lost, known }: { losses: readonly Loss[]; known: boolean }) {
  const timeZone = useTimeZone();
  return (
    <>
      {known ? "Within a minute this goes for good:" : "What is stored could not be asked. All that is older than this goes for good:"}
      <ul className={classes["losses"]}>
        {lost.map(({ target, tier, from, to, oldest, before }) => (
          <li key={`${target?.deviceId ?? ""} ${target?.tag ?? ""} ${tier}`}>
            <strong>{tierLabel(tier)}</strong> of {target ? `${target.deviceId}${target.tag ? `, ${target.tag}` : ""}` : "everything without a time of its own"}
            {oldest === null ? "" : ` from ${formatTime(oldest, timeZone)}`} to {formatTime(before, timeZone)} (kept {formatDays(to)} instead of{" "}
            {formatDays(from)})
          </li>
        ))}
      </ul>
      There is no way back, except from a backup or an archive.
    </>
  );
}
