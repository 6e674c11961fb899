import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { useCan } from "@/api/hooks";
import { devicesQuery } from "@/api/queries";
import { Icon } from "@/components/icons";
import { lazyPart } from "@/components/lazyPart";
import { Page } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { plural } from "@/lib/format";
import { ExportButton } from "@/features/exports/ExportButton";
import { ImportButton } from "@/features/imports/ImportButton";
import { useUrlState } from "@/lib/urlState";
import { DeviceTable } from "./DeviceTable";
import { Discovered } from "./Discovered";
import { Filters } from "./Filters";
import { listDevices, pageOf } from "./listing";
import { Pager } from "./Pager";

const AddDevice = lazyPart(() => import("./AddDevice"));

type Names = "q" | "type" | "state" | "sort" | "page" | "new";

/** All devices, and those that publish without having been announced. */
export default function DevicesPage() {
  const [url, setUrl] = useUrlState<Names>();
  const mayAdd = useCan("devices:write");
  const devices = useQuery(devicesQuery());
  const all = devices.data?.data.devices;
  const chosen = listDevices(all ?? [], url);
  const { rows, page, pages } = pageOf(chosen, url.page);
  const add = (
    <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setUrl({ new: "1" })}>
      Add a device
    </Button>
  );
  return (
    <Page
      title="Devices"
      aside={all && all.length > 0 && (chosen.length < all.length ? `${chosen.length} of ` : "") + plural(all.length, "device")}
      actions={
        <>
          {mayAdd && add}
          <ImportButton />
          {all && all.length > 0 && <ExportButton />}
        </>
      }
    >
      {mayAdd && <Discovered />}
      {all && all.length > 0 && <Filters devices={all} url={url} onChange={(change) => setUrl({ ...change, page: undefined })} />}
      {!all && devices.isPending && <SkeletonRows rows={8} height={48} />}
      {!all && devices.isError && <ErrorState title="The devices cannot be shown" error={devices.error} onRetry={devices.refetch} />}
      {all?.length === 0 && (
        <EmptyState title="No devices yet" actions={mayAdd && add}>
          A device that already publishes in a known format appears here by itself as soon as its first message arrives.
        </EmptyState>
      )}
      {all && all.length > 0 && rows.length === 0 && (
        <EmptyState
          title="No device matches"
          actions={
            <Button variant="default" onClick={() => setUrl({ q: undefined, type: undefined, state: undefined, page: undefined })}>
              Show all devices
            </Button>
          }
        >
          Take away a filter, or search for another word.
        </EmptyState>
      )}
      {rows.length > 0 && (
        <DeviceTable rows={rows} fetchedAt={devices.dataUpdatedAt} sort={url.sort} onSort={(sort) => setUrl({ sort, page: undefined })} />
      )}
      <Pager page={page} pages={pages} onPage={(to) => setUrl({ page: to === 1 ? undefined : String(to) }, true)} />
      {url.new && mayAdd && (
        <Suspense>
          <AddDevice onClose={() => setUrl({ new: undefined })} />
        </Suspense>
      )}
    </Page>
  );
}
