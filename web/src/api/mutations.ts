import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import { keys } from "./queries";
import type { AdoptRequest, DeviceConfig, ExportBody, ImportOrder, NewDevice, NewRetention } from "./types";

/** A mutation after which everything under the given keys is asked for again. */
function useChange<Input, Output>(change: (input: Input) => Promise<Output>, ...touched: (readonly string[])[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => Promise.all(touched.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}

interface AlertAction {
  id: string;
  comment?: string | undefined;
}

const body = (comment: string | undefined) => (comment ? { comment } : {});

export const useAcknowledge = () =>
  useChange(
    ({ id, comment }: AlertAction) =>
      api.post("/alerts/{alert_id}/acknowledge", { path: { alert_id: id }, body: body(comment) }),
    keys.alerts,
    keys.dashboard,
  );

export const useAcknowledgeMany = () =>
  useChange(
    ({ ids, comment }: { ids: string[]; comment?: string | undefined }) =>
      api.post("/alerts/acknowledge", { body: { ids, ...body(comment) } }),
    keys.alerts,
    keys.dashboard,
  );

export const useResolve = () =>
  useChange(
    ({ id, comment }: AlertAction) =>
      api.post("/alerts/{alert_id}/resolve", { path: { alert_id: id }, body: body(comment) }),
    keys.alerts,
    keys.dashboard,
    keys.devices,
  );

export const useCreateDevice = () =>
  useChange((device: NewDevice) => api.post("/devices", { body: device }), keys.devices, keys.dashboard);

export const useConfigureDevice = (deviceId: string) =>
  useChange(
    (config: DeviceConfig) => api.put("/devices/{device_id}/config", { path: { device_id: deviceId }, body: config }),
    keys.devices,
  );

export const useDeleteDevice = () =>
  useChange(
    (deviceId: string) => api.delete("/devices/{device_id}", { path: { device_id: deviceId } }),
    keys.devices,
    keys.alerts,
    keys.dashboard,
  );

export const useAdopt = () =>
  useChange(
    ({ key, ...adopt }: AdoptRequest & { key: string }) =>
      api.post("/devices/discovered/{key}/adopt", { path: { key }, body: adopt }),
    keys.discovered,
    keys.devices,
    keys.dashboard,
  );

export const useDismissDiscovered = () =>
  useChange(
    (key: string) => api.delete("/devices/discovered/{key}", { path: { key } }),
    keys.discovered,
    keys.dashboard,
  );

export const useReplayDeadLetters = () =>
  useChange(
    (ids: number[]) =>
      api.post("/system/dead-letters/replay", {
        body: { ids },
      }),
    keys.deadLetters,
    keys.system,
  );

export const useDecideRetention = () =>
  useChange((retention: NewRetention) => api.put("/storage/retention", { body: retention }), keys.storage);

export const useImportFile = (fileId: string) =>
  useChange((order: ImportOrder) => api.post("/import-files/{file_id}/import", { path: { file_id: fileId }, body: order }), keys.imports, keys.devices);

export const useTakeFileAway = () =>
  useChange((fileId: string) => api.delete("/import-files/{file_id}", { path: { file_id: fileId } }), keys.imports);

export const usePrepareExport = () => useChange((wanted: ExportBody) => api.post("/history/exports", { body: wanted }));

export const useStopExport = () =>
  useChange((exportId: string) => api.delete("/history/exports/{export_id}", { path: { export_id: exportId } }), ["export"]);
