import { useQuery } from "@tanstack/react-query";
import { devicesQuery } from "@/api/queries";
import { Page } from "@/components/Page";
import { ErrorState, SkeletonCards } from "@/components/states";
import { isAbnormal } from "@/lib/deviceList";
import { plural } from "@/lib/format";
import { AlarmList } from "./AlarmList";
import { DeviceGrid } from "./DeviceGrid";
import { EmptyPlant } from "./EmptyPlant";
import { KeyFigures } from "./KeyFigures";
import classes from "./OverviewPage.module.css";
import { SystemHealth } from "./SystemHealth";

/** About that of a device's card. */
const CARD_HEIGHT = 197;

/** The whole plant in one look: key figures, what is bad, and how Andon itself is doing. */
export default function OverviewPage() {
  const devices = useQuery(devicesQuery());
  const list = devices.data?.data.devices;
  const abnormal = list?.filter(isAbnormal).length ?? 0;
  const aside = list?.length ? `${plural(list.length, "device")}, ${abnormal === 0 ? "all normal" : `${abnormal} abnormal`}` : undefined;
  return (
    <Page title="Overview" aside={aside && <span className="from-server">{aside}</span>}>
      <KeyFigures />
      <div className={classes["columns"]}>
        <div className={classes["main"]}>
          {list === undefined && devices.isPending && <SkeletonCards height={CARD_HEIGHT} />}
          {list === undefined && devices.isError && (
            <ErrorState title="The devices cannot be shown" error={devices.error} onRetry={devices.refetch} />
          )}
          {list?.length === 0 && <EmptyPlant />}
          {list && list.length > 0 && <DeviceGrid devices={list} fetchedAt={devices.dataUpdatedAt} />}
        </div>
        <div className={classes["side"]}>
          <AlarmList />
          <SystemHealth />
        </div>
      </div>
    </Page>
  );
}
