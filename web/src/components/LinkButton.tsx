import { Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentPropsWithRef } from "react";

type Props = ButtonProps & Omit<ComponentPropsWithRef<"a">, keyof ButtonProps>;

const Anchor = (props: Props) => <Button component="a" {...props} />;

/** A way to another page that looks like a button: `<LinkButton to="/devices">`. */
export const LinkButton = createLink(Anchor);
