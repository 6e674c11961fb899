import { Menu, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useSession } from "@/api/hooks";
import { signOut } from "@/api/session";
import { Icon } from "../icons";
import { UserButton } from "./UserButton";

/** Who is signed in, light or dark, and the way out. `opened`: the button was clicked before the menu was there. */
export default function UserMenu({ opened }: { opened: boolean }) {
  const { user } = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const leave = async () => {
    await signOut().catch(() => undefined);
    client.clear();
    await navigate({ to: "/login" });
  };
  return (
    <Menu defaultOpened={opened} position="bottom-end" width={220} shadow="md" withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <UserButton />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {user?.username} · {user?.role} · {user?.organisation.name}
        </Menu.Label>
        <Menu.Item leftSection={<Icon name={dark ? "sun" : "moon"} size={18} />} onClick={() => setColorScheme(dark ? "light" : "dark")}>
          {dark ? "Light screen" : "Dark screen"}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="leave" size={18} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
