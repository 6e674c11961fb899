import { Button, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { ApiError } from "@/api/errors";
import { useCreateDevice } from "@/api/mutations";
import type { NewDevice } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { FormError } from "@/components/FormError";

const FIELDS = [
  { name: "deviceId", label: "Device id", hint: "Part of its topic: letters, digits, - _ . :", placeholder: "pump-7", required: true },
  { name: "name", label: "Name", hint: "As people call it; the id when left empty", placeholder: "Feed pump 7", required: false },
  { name: "type", label: "What it measures", hint: "Becomes the name of its signal", placeholder: "flow", required: true },
  { name: "unit", label: "Unit", hint: "As the device sends it", placeholder: "l/min", required: true },
  { name: "location", label: "Place", hint: "Where it stands", placeholder: "assembly-line-1", required: true },
] as const;

const LIMITS = [
  { name: "normalMin", label: "Normal from" },
  { name: "normalMax", label: "Normal to" },
  { name: "alertMin", label: "Alarm below" },
  { name: "alertMax", label: "Alarm above" },
] as const;

const OWN_ERRORS = [...FIELDS, ...LIMITS].map(({ name }) => name);

type Texts = Partial<Record<(typeof FIELDS)[number]["name"] | (typeof LIMITS)[number]["name"], string>>;

/** The request's body: texts trimmed, limits as numbers, what was left empty left out. */
export function toNewDevice(texts: Texts): NewDevice {
  const words = FIELDS.map(({ name }) => [name, texts[name]?.trim()] as const).filter(([, text]) => text);
  const numbers = LIMITS.filter(({ name }) => texts[name]?.trim()).map(({ name }) => [name, Number(texts[name])] as const);
  const given: Partial<NewDevice> = Object.fromEntries<string | number | undefined>([...words, ...numbers]);
  return { deviceId: "", type: "", location: "", unit: "", ...given };
}

interface Props {
  onCreated: (device: NewDevice) => void;
  onClose: () => void;
}

export function AddDeviceForm({ onCreated, onClose }: Props) {
  const [texts, setTexts] = useState<Texts>({});
  const create = useCreateDevice();
  const input = (name: keyof Texts) => ({
    value: texts[name] ?? "",
    onChange: (event: { currentTarget: { value: string } }) => setTexts({ ...texts, [name]: event.currentTarget.value }),
    error: create.error instanceof ApiError ? create.error.forField(name) : undefined,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const device = toNewDevice(texts);
        create.mutate(device, { onSuccess: () => onCreated(device) });
      }}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          {FIELDS.map(({ name, label, hint, placeholder, required }, index) => (
            <TextInput
              key={name}
              label={required ? label : `${label} (optional)`}
              description={hint}
              placeholder={placeholder}
              required={required}
              withAsterisk={false}
              size="md"
              spellCheck={false}
              {...(index === 0 && { "data-autofocus": true })}
              {...input(name)}
            />
          ))}
        </SimpleGrid>
        <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
          <legend style={{ padding: 0, marginBottom: 8, fontWeight: 500 }}>Limits (optional)</legend>
          <SimpleGrid cols={{ base: 2, xs: 4 }} spacing="xs">
            {LIMITS.map(({ name, label }) => (
              <TextInput key={name} label={label} type="number" step="any" {...input(name)} />
            ))}
          </SimpleGrid>
        </fieldset>
        <FormError error={create.error} fields={OWN_ERRORS} />
        <DialogActions>
          <Button variant="default" size="md" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="md" loading={create.isPending}>
            Add
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
