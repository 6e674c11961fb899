import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { DialogActions } from "./DialogActions";
import { FormError } from "./FormError";

interface Props {
  opened: boolean;
  title: string;
  /** What is touched, and the way back if there is one. */
  children: ReactNode;
  /** The word to type, for example the device's id. */
  word: string;
  action: string;
  busy?: boolean;
  error?: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** A dangerous act: shows what it touches and asks for a typed word. */
export function ConfirmTyped({ opened, onClose, title, ...rest }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered>
      <Form {...rest} onClose={onClose} />
    </Modal>
  );
}

function Form({ children, word, action, busy = false, error, onConfirm, onClose }: Omit<Props, "opened" | "title">) {
  const [typed, setTyped] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typed === word) onConfirm();
      }}
    >
      <Stack>
        <div>{children}</div>
        <TextInput
          label={`Type ${word} to go on`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        <FormError error={error} />
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={typed !== word} loading={busy}>
            {action}
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
