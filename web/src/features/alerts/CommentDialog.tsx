import { Button, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { explain } from "@/api/errors";
import { DialogActions } from "@/components/DialogActions";

interface Props {
  opened: boolean;
  title: string;
  action: string;
  busy: boolean;
  error: unknown;
  onConfirm: (comment: string) => void;
  onClose: () => void;
}

/** Asks for a comment before an alarm is acknowledged or resolved. The comment may stay empty. */
export function CommentDialog({ opened, title, onClose, ...rest }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered>
      <Form {...rest} onClose={onClose} />
    </Modal>
  );
}

function Form({ action, busy, error, onConfirm, onClose }: Omit<Props, "opened" | "title">) {
  const [comment, setComment] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm(comment.trim());
      }}
    >
      <Stack>
        <Textarea
          label="Comment"
          description="What you saw or did. The next shift reads it."
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
          maxLength={1_000}
          autosize
          minRows={2}
          data-autofocus
        />
        {error !== undefined && error !== null && (
          <Text role="alert" size="sm" fw={600}>
            {explain(error)}
          </Text>
        )}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            {action}
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
