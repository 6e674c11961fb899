import { Page } from "@/components/Page";

export default function DevicesPage() {
  return <Page title="Devices">{null}</Page>;
}
