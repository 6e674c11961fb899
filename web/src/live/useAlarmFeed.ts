import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keys } from "@/api/queries";
import { askAgain, askAllAnew } from "@/api/refresh";
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
    const askAlarms = () => askAgain(client, keys.alerts);
    const askDevices = () => askAgain(client, [...keys.devices, "list"], keys.dashboard);
    const alarms = atMost(ALARMS_MS, askAlarms);
    const devices = atMost(DEVICES_MS, askDevices);
    let lost = false;
    const stops = [
      liveSocket.onAlarm((name, event) => {
        alarms.call();
        devices.call();
        if (name === "alert-triggered") setAnnouncement(`New ${event.severity} alarm: ${event.deviceName ?? event.deviceId}, ${event.message}`);
      }),
      liveSocket.onDeviceStatus(devices.call),
      liveSocket.onConnection(() => {
        lost ||= liveSocket.getConnection().state === "lost";
      }),
      // What happened before is told to nobody: at the start since the page was asked for, later while the line was down.
      liveSocket.onSubscribed((missed) => {
        if (lost) void askAllAnew(client);
        else if (missed) [askAlarms, askDevices].forEach((ask) => ask());
        lost = false;
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
