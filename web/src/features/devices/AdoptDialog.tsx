import { Button, Modal, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError } from "@/api/errors";
import { useAdopt } from "@/api/mutations";
import type { DiscoveredDevice, Limits } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { FormError } from "@/components/FormError";
import { useReturnFocus } from "@/components/useReturnFocus";
import { LIMIT_NAMES, LimitsTable, type LimitTexts } from "./LimitsTable";

/** How many signals are laid out for review; the others take their suggestions as they are. */
const SHOWN = 8;

const asText = (limits: Limits): LimitTexts =>
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, limits[name] === null ? "" : String(limits[name])])) as LimitTexts;

function asLimits(texts: LimitTexts): Limits {
  const number = (text: string) => (text.trim() === "" ? null : Number(text));
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, number(texts[name])])) as unknown as Limits;
}

/** Name, unit and limits as suggested from what was seen: one click takes them all. */
export default function AdoptDialog({ device, onClose }: { device: DiscoveredDevice; onClose: () => void }) {
  useReturnFocus();
  const [name, setName] = useState(device.suggestedName || device.deviceId);
  const [location, setLocation] = useState("");
  const first = device.signals[0];
  const [unit, setUnit] = useState(first?.unit ?? "");
  const [limits, setLimits] = useState(() => new Map(device.signals.map((signal) => [signal.name, asText(signal.suggested)])));
  const adopt = useAdopt();
  const navigate = useNavigate();
  const numeric = device.signals.filter((signal) => signal.kind === "number");
  const submit = () => {
    const signals = Object.fromEntries([...limits].map(([signal, texts]) => [signal, asLimits(texts)]));
    const body = { key: device.key, name, ...(location && { location }), ...(device.signals.length === 1 && unit && { unit }), signals };
    adopt.mutate(body, {
      onSuccess: ({ data: { deviceId } }) => {
        onClose();
        notifications.show({ message: `${name} is adopted. What it sent before is kept.` });
        void navigate({ to: "/devices/$deviceId", params: { deviceId } });
      },
    });
  };
  const fieldError = (field: string) => (adopt.error instanceof ApiError ? adopt.error.forField(field) : undefined);
  return (
    <Modal opened onClose={onClose} title={`Adopt ${device.deviceId}`} size="xl" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            Suggested from {device.messages} messages on {device.topic}. Change what you know better; everything can be changed later.
          </Text>
          <SimpleGrid cols={{ base: 1, xs: device.signals.length === 1 ? 3 : 2 }}>
            <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError("name")} required withAsterisk={false} data-autofocus />
            <TextInput label="Place" placeholder="for example assembly-line-1" value={location} onChange={(event) => setLocation(event.currentTarget.value)} error={fieldError("location")} />
            {device.signals.length === 1 && (
              <TextInput label="Unit" value={unit} onChange={(event) => setUnit(event.currentTarget.value)} error={fieldError("unit")} />
            )}
          </SimpleGrid>
          <LimitsTable signals={numeric.slice(0, SHOWN)} limits={limits} onChange={setLimits} />
          {numeric.length > SHOWN && (
            <Text size="sm" c="dimmed">
              {numeric.length - SHOWN} more signals take their suggested limits.
            </Text>
          )}
          <FormError error={adopt.error} fields={["name", "location", "unit"]} />
          <DialogActions>
            <Button variant="default" size="md" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" size="md" loading={adopt.isPending}>
              Adopt
            </Button>
          </DialogActions>
        </Stack>
      </form>
    </Modal>
  );
}
