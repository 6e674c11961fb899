import { UnstyledButton } from "@mantine/core";
import type { ComponentProps } from "react";
import { useSession } from "@/api/hooks";
import { Icon } from "../icons";
import classes from "./UserButton.module.css";

/** Who is signed in. */
export function UserButton(props: ComponentProps<typeof UnstyledButton<"button">>) {
  const { user } = useSession();
  return (
    <UnstyledButton {...props} className={classes["button"]} aria-label={`Account of ${user?.username ?? "nobody"}`}>
      <Icon name="user" />
      <span className={classes["name"]}>{user?.username}</span>
    </UnstyledButton>
  );
}
