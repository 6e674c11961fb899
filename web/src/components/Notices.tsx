import { Notifications } from "@mantine/notifications";
import "@mantine/notifications/styles.layer.css";

/** Where what was done is told for a moment. What is told before it is there waits. */
export default function Notices() {
  return <Notifications position="bottom-right" />;
}
