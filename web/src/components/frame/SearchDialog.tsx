import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useMemo, useState, type KeyboardEvent } from "react";
import { devicesQuery } from "@/api/queries";
import { searchDevices } from "@/lib/deviceList";
import { SeverityMark } from "../SeverityMark";
import { useReturnFocus } from "../useReturnFocus";
import classes from "./SearchDialog.module.css";

const SHOWN = 8;

/** Find a device by any of its words and go there; whole keyboard. */
export default function SearchDialog({ onClose }: { onClose: () => void }) {
  useReturnFocus();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  const navigate = useNavigate();
  const devices = useQuery(devicesQuery()).data?.data.devices;
  const found = useMemo(() => searchDevices(devices ?? [], text).slice(0, SHOWN), [devices, text]);

  const go = (deviceId: string | undefined) => {
    if (deviceId === undefined) return;
    onClose();
    void navigate({ to: "/devices/$deviceId", params: { deviceId } });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      event.preventDefault();
      setAt((at + step + found.length) % found.length);
    }
    if (event.key === "Enter") go(found[at]?.deviceId);
  };
  const optionId = (index: number) => `${listId}-${index}`;

  return (
    <Modal opened onClose={onClose} withCloseButton={false} padding={0} size="lg" yOffset="10vh" attributes={{ content: { "aria-label": "Search devices" } }}>
      <input
        className={classes["input"]}
        role="combobox"
        aria-label="Search devices by name, id, type or place"
        aria-expanded={found.length > 0}
        aria-controls={listId}
        aria-activedescendant={found.length ? optionId(at) : undefined}
        aria-autocomplete="list"
        placeholder="Name, id, type or place"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        data-autofocus
        spellCheck={false}
        autoComplete="off"
      />
      <ul id={listId} role="listbox" aria-label="Devices" className={classes["list"]}>
        {found.map((device, index) => (
          <li
            key={device.deviceId}
            id={optionId(index)}
            role="option"
            aria-selected={index === at}
            className={classes["option"]}
            onMouseMove={() => setAt(index)}
            onClick={() => go(device.deviceId)}
          >
            <SeverityMark level={device.alertStatus} size={16} />
            <span className={classes["name"]}>{device.name || device.deviceId}</span>
            <span className={classes["where"]}>
              {device.deviceId} · {device.location || device.area}
            </span>
          </li>
        ))}
      </ul>
      {found.length === 0 && (
        <p className={classes["none"]} role="status">
          {devices ? `No device matches “${text}”` : "Loading the devices"}
        </p>
      )}
    </Modal>
  );
}
