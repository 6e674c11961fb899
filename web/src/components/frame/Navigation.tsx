import { Link } from "@tanstack/react-router";
import { useCan } from "@/api/hooks";
import { Icon, type IconName } from "../icons";
import classes from "./Navigation.module.css";

interface Item {
  to: string;
  label: string;
  icon: IconName;
  needs?: string;
}

const ITEMS: readonly Item[] = [
  { to: "/", label: "Overview", icon: "overview" },
  { to: "/devices", label: "Devices", icon: "devices" },
  { to: "/history", label: "History", icon: "history", needs: "data:read" },
  { to: "/alerts", label: "Alarms", icon: "alarms" },
  { to: "/admin/storage", label: "Storage", icon: "storage", needs: "system:read" },
  { to: "/admin/system", label: "System", icon: "system", needs: "system:read" },
];

/** At the side on a desktop, at the bottom on a phone. What a role may not use is not shown. */
export function Navigation() {
  return (
    <nav className={classes["nav"]} aria-label="Main">
      {ITEMS.map((item) => (
        <NavItem key={item.to} item={item} />
      ))}
    </nav>
  );
}

function NavItem({ item }: { item: Item }) {
  const allowed = useCan(item.needs ?? "");
  if (item.needs && !allowed) return null;
  return (
    <Link to={item.to} className={classes["item"]} activeOptions={{ exact: item.to === "/", includeSearch: false }} preload="intent">
      <Icon name={item.icon} size={22} />
      <span>{item.label}</span>
    </Link>
  );
}
