import { Button } from "@mantine/core";
import { useId, useState, type ReactNode } from "react";
import { Icon } from "@/components/icons";
import { Panel } from "@/components/Page";
import classes from "./history.module.css";

interface Props {
  actions?: ReactNode;
  /** On a phone too everything is shown at first: there is nothing to look at yet. */
  open?: boolean;
  children: ReactNode;
}

/**
 * What is shown and how. On a phone the charts come first: what is marked with `data-more`, and the actions, are folded
 * up there behind a button.
 */
export function Choices({ actions, open = false, children }: Props) {
  const [opened, setOpened] = useState(open);
  const id = useId();
  const head = (
    <>
      <Button
        className={classes["unfold"] ?? ""}
        variant="default"
        aria-expanded={opened}
        aria-controls={id}
        rightSection={<Icon name="chevron" size={16} />}
        onClick={() => setOpened(!opened)}
      >
        More choices
      </Button>
      {actions && (
        <div className={classes["actions"]} data-more>
          {actions}
        </div>
      )}
    </>
  );
  return (
    <div className={classes["foldable"]} data-folded={!opened || undefined}>
      <Panel title="What to show" actions={head}>
        <div id={id} className={classes["choices"]}>
          {children}
        </div>
      </Panel>
    </div>
  );
}
