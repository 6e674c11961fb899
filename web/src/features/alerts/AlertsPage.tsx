import { Page } from "@/components/Page";

export default function AlertsPage() {
  return <Page title="Alarms">{null}</Page>;
}
