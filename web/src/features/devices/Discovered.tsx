import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import { explain } from "@/api/errors";
import { useDismissDiscovered } from "@/api/mutations";
import { discoveredQuery } from "@/api/queries";
import type { DiscoveredDevice, DiscoveredSignal } from "@/api/types";
import { lazyPart } from "@/components/lazyPart";
import { Panel } from "@/components/Page";
import { TimeAgo } from "@/components/TimeAgo";
import { formatWithUnit, plural } from "@/lib/format";
import classes from "./devices.module.css";

const AdoptDialog = lazyPart(() => import("./AdoptDialog"));

const SHOWN = 10;
const SIGNALS = 4;

/** Devices that publish in a known format but were never announced. Nothing when there are none. */
export function Discovered() {
  const { data } = useQuery(discoveredQuery());
  const [adopting, setAdopting] = useState<DiscoveredDevice | null>(null);
  const found = data?.data.discovered ?? [];
  if (found.length === 0 && !adopting) return null;
  return (
    <Panel title={`Discovered: ${plural(found.length, "device")} that nobody announced`} flush>
      <ul className={classes["found"]}>
        {found.slice(0, SHOWN).map((device) => (
          <Found key={device.key} device={device} onAdopt={() => setAdopting(device)} />
        ))}
      </ul>
      {found.length > SHOWN && <p className={classes["foundRow"]}>And {found.length - SHOWN} more.</p>}
      {adopting && (
        <Suspense>
          <AdoptDialog device={adopting} onClose={() => setAdopting(null)} />
        </Suspense>
      )}
    </Panel>
  );
}

function Found({ device, onAdopt }: { device: DiscoveredDevice; onAdopt: () => void }) {
  const dismiss = useDismissDiscovered();
  const more = device.signals.length - SIGNALS;
  const onDismiss = () =>
    dismiss.mutate(device.key, {
      onError: (error) => notifications.show({ title: `${device.deviceId} was not dismissed`, message: explain(error) }),
    });
  return (
    <li className={classes["foundRow"]}>
      <div className={classes["foundName"]}>
        <strong>{device.suggestedName || device.deviceId}</strong>
        <span className={classes["dim"]}>{device.topic}</span>
      </div>
      <div className={classes["signals"]}>
        {device.signals.slice(0, SIGNALS).map((signal, index) => (
          <span key={signal.name}>
            {index > 0 && ", "}
            {signal.name} <b>{lastValue(signal)}</b>
          </span>
        ))}
        {more > 0 && `, and ${more} more`}
        <div className={classes["dim"]}>
          {plural(device.messages, "message")}, the last <TimeAgo at={device.lastSeen} />
        </div>
      </div>
      <div className={classes["rowActions"]}>
        <Button variant="default" size="md" onClick={onDismiss} loading={dismiss.isPending} aria-label={`Dismiss ${device.deviceId}`}>
          Dismiss
        </Button>
        <Button size="md" onClick={onAdopt} aria-label={`Adopt ${device.deviceId}`}>
          Adopt
        </Button>
      </div>
    </li>
  );
}

const lastValue = (signal: DiscoveredSignal): string => formatWithUnit(signal.lastValue, signal.unit, 1);
