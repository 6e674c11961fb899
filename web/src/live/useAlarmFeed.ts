import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keys } from "@/api/queries";
import { liveSocket } from "./socket";

/** Alarms may come in floods: the lists are asked for again at most this often. */
const ALARMS_MS = 500;
const DEVICES_MS = 3_000;

/** Calls at once, then at most once in `ms`, and once more at the end of a burst. */
function atMost(ms: number, act: () => void) {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let again = false;
  const run = () => {
    act();
    timer = setTimeout(() => {
      timer = null;
      if (again) {
        again = false;
        run();
      }
    }, ms);
  };
  return {
    call: () => (timer === null ? run() : (again = true)),
    stop: () => timer !== null && clearTimeout(timer),
  };
}

/** Keeps everything that shows alarms up to date; the last new alarm in words, for screen readers. */
export function useAlarmFeed(): string {
  const client = useQueryClient();
  const [announcement, setAnnouncement] = useState("");
  useEffect(() => {
    const refresh = (...changed: (readonly string[])[]) => changed.forEach((queryKey) => void client.invalidateQueries({ queryKey }));
    const alarms = atMost(ALARMS_MS, () => refresh(keys.alerts));
    const devices = atMost(DEVICES_MS, () => refresh([...keys.devices, "list"], keys.dashboard));
    let lost = false;
    const stops = [
      liveSocket.onAlarm((name, event) => {
        alarms.call();
        devices.call();
        if (name === "alert-triggered") setAnnouncement(`New ${event.severity} alarm: ${event.deviceName ?? event.deviceId}, ${event.message}`);
      }),
      liveSocket.onDeviceStatus(devices.call),
      liveSocket.onConnection(() => {
        const { state } = liveSocket.getConnection();
        // What happened while the line was down is asked for once it is back.
        if (state === "live" && lost) void client.invalidateQueries();
        lost = state === "lost";
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      alarms.stop();
      devices.stop();
    };
  }, [client]);
  return announcement;
}
