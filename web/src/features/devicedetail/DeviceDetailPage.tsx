import { Page } from "@/components/Page";

export default function DeviceDetailPage() {
  return <Page title="Device">{null}</Page>;
}
