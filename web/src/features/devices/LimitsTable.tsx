import { TextInput } from "@mantine/core";
import type { DiscoveredSignal, Limits } from "@/api/types";
import { formatValue, unitSymbol } from "@/lib/format";
import classes from "./devices.module.css";

export const LIMIT_NAMES = ["alertMin", "normalMin", "normalMax", "alertMax"] as const satisfies readonly (keyof Limits)[];
export type LimitTexts = Record<(typeof LIMIT_NAMES)[number], string>;

const HEADERS: Record<keyof LimitTexts, string> = {
  alertMin: "Alarm below",
  normalMin: "Normal from",
  normalMax: "Normal to",
  alertMax: "Alarm above",
};

interface Props {
  signals: readonly DiscoveredSignal[];
  limits: ReadonlyMap<string, LimitTexts>;
  onChange: (limits: Map<string, LimitTexts>) => void;
}

/** Limits a signal, beside what was seen of it. An empty field is no limit. */
export function LimitsTable({ signals, limits, onChange }: Props) {
  const set = (signal: string, name: keyof LimitTexts, text: string) => {
    const texts = limits.get(signal);
    if (texts) onChange(new Map(limits).set(signal, { ...texts, [name]: text }));
  };
  return (
    <div style={{ overflowX: "auto" }}>
      <table className={classes["limits"]}>
        <caption className="visually-hidden">Limits of each signal; an empty field is no limit</caption>
        <thead>
          <tr>
            <th scope="col">Signal</th>
            <th scope="col">Seen</th>
            {LIMIT_NAMES.map((name) => (
              <th key={name} scope="col">
                {HEADERS[name]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {signals.map((signal) => (
            <tr key={signal.name}>
              <th scope="row">
                {signal.name} {unitSymbol(signal.unit)}
              </th>
              <td className={classes["dim"]}>
                {formatValue(signal.min, 1)} to {formatValue(signal.max, 1)}
              </td>
              {LIMIT_NAMES.map((name) => (
                <td key={name}>
                  <TextInput
                    aria-label={`${signal.name}: ${HEADERS[name]}`}
                    type="number"
                    step="any"
                    miw={84}
                    value={limits.get(signal.name)?.[name] ?? ""}
                    onChange={(event) => set(signal.name, name, event.currentTarget.value)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
