import { Modal } from "@mantine/core";
import { useState } from "react";
import type { NewDevice } from "@/api/types";
import { useReturnFocus } from "@/components/useReturnFocus";
import { AddDeviceForm } from "./AddDeviceForm";
import { ConnectDevice } from "./ConnectDevice";

/** Two steps: say what it is, then connect it and see its first value. */
export default function AddDevice({ onClose }: { onClose: () => void }) {
  useReturnFocus();
  const [created, setCreated] = useState<NewDevice | null>(null);
  return (
    <Modal opened onClose={onClose} title={created ? `Connect ${created.deviceId}` : "Add a device"} size="lg" centered>
      {created ? <ConnectDevice device={created} onClose={onClose} /> : <AddDeviceForm onCreated={setCreated} onClose={onClose} />}
    </Modal>
  );
}
