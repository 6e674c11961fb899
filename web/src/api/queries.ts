import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { API, api } from "./client";
import type { AlertHistoryQuery, AlertQuery, DeadLetterQuery, ExportBody, HealthBody, HistoryQuery, ReadOptions, SeriesQuery, StatisticsQuery } from "./types";

/** Query keys by what they hold, so that one alarm event can refresh all that shows alarms. */
export const keys = {
  devices: ["devices"] as const,
  device: (deviceId: string) => ["devices", deviceId] as const,
  discovered: ["discovered"] as const,
  alerts: ["alerts"] as const,
  dashboard: ["dashboard"] as const,
  system: ["system"] as const,
  deadLetters: ["dead-letters"] as const,
  storage: ["storage"] as const,
  imports: ["imports"] as const,
  importFile: (fileId: string) => ["imports", "file", fileId] as const,
};

export const devicesQuery = () =>
  queryOptions({
    queryKey: [...keys.devices, "list"],
    queryFn: ({ signal }) => api.get("/devices", { signal }),
    refetchInterval: 30_000,
  });

export const deviceQuery = (deviceId: string) =>
  queryOptions({
    queryKey: keys.device(deviceId),
    queryFn: ({ signal }) => api.get("/devices/{device_id}", { path: { device_id: deviceId }, signal }),
    refetchInterval: 30_000,
  });

export const historyQuery = (deviceId: string, query: HistoryQuery) =>
  queryOptions({
    queryKey: [...keys.device(deviceId), "history", query],
    queryFn: ({ signal }) =>
      api.get("/devices/{device_id}/history", { path: { device_id: deviceId }, query, signal }),
    placeholderData: keepPreviousData,
  });

export const seriesHistoryQuery = (query: SeriesQuery) =>
  queryOptions({
    queryKey: [...keys.devices, "history of several", query],
    queryFn: ({ signal }) => api.get("/history", { query, signal }),
    placeholderData: keepPreviousData,
  });

export const statisticsQuery = (deviceId: string, query: StatisticsQuery) =>
  queryOptions({
    queryKey: [...keys.device(deviceId), "statistics", query],
    queryFn: ({ signal }) =>
      api.get("/devices/{device_id}/statistics", { path: { device_id: deviceId }, query, signal }),
    placeholderData: keepPreviousData,
  });

export const trendQuery = (deviceId: string, query: StatisticsQuery) =>
  queryOptions({
    queryKey: [...keys.device(deviceId), "trend", query],
    queryFn: ({ signal }) =>
      api.get("/analytics/trends/{device_id}", { path: { device_id: deviceId }, query, signal }),
    placeholderData: keepPreviousData,
  });

export const alertsQuery = (query: AlertQuery = {}) =>
  queryOptions({
    queryKey: [...keys.alerts, "list", query],
    queryFn: ({ signal }) => api.get("/alerts", { query, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });

/** The open alarms that the frame, the overview and the device grid share: one request for all of them. */
export const openAlertsQuery = () => alertsQuery({ status: "active", limit: 500 });

export const alertHistoryQuery = (query: AlertHistoryQuery = {}) =>
  queryOptions({
    queryKey: [...keys.alerts, "history", query],
    queryFn: ({ signal }) => api.get("/alerts/history", { query, signal }),
    placeholderData: keepPreviousData,
  });

export const alertQuery = (alertId: string) =>
  queryOptions({
    queryKey: [...keys.alerts, "one", alertId],
    queryFn: ({ signal }) => api.get("/alerts/{alert_id}", { path: { alert_id: alertId }, signal }),
  });

export const dashboardQuery = () =>
  queryOptions({
    queryKey: keys.dashboard,
    queryFn: ({ signal }) => api.get("/metrics/dashboard", { signal }),
    refetchInterval: 10_000,
  });

export const healthQuery = () =>
  queryOptions({
    queryKey: ["health"],
    queryFn: async ({ signal }) => {
      const response = await fetch(`${API}/health`, { signal });
      return (await response.json()) as HealthBody;
    },
    refetchInterval: 10_000,
  });

export const systemQuery = () =>
  queryOptions({
    queryKey: keys.system,
    queryFn: ({ signal }) => api.get("/metrics/system", { signal }),
    refetchInterval: 5_000,
  });

export const deadLettersQuery = (query: DeadLetterQuery = {}) =>
  queryOptions({
    queryKey: [...keys.deadLetters, query],
    queryFn: ({ signal }) =>
      api.get("/system/dead-letters", { query, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

export const discoveredQuery = () =>
  queryOptions({
    queryKey: keys.discovered,
    queryFn: ({ signal }) => api.get("/devices/discovered", { signal }),
    refetchInterval: 10_000,
  });

export const brokerQuery = () =>
  queryOptions({
    queryKey: ["broker"],
    queryFn: ({ signal }) => api.get("/broker/credentials", { signal }),
    staleTime: Infinity,
  });

export const storageQuery = () =>
  queryOptions({
    queryKey: [...keys.storage, "figures"],
    queryFn: ({ signal }) => api.get("/storage", { signal }),
    refetchInterval: 10_000,
  });

export const retentionQuery = () =>
  queryOptions({
    queryKey: [...keys.storage, "retention"],
    queryFn: ({ signal }) => api.get("/storage/retention", { signal }),
  });

export const importFilesQuery = () =>
  queryOptions({
    queryKey: [...keys.imports, "files"],
    queryFn: ({ signal }) => api.get("/import-files", { signal }),
    refetchInterval: 5_000,
  });

export const importFileQuery = (fileId: string) =>
  queryOptions({
    queryKey: keys.importFile(fileId),
    queryFn: ({ signal }) => api.get("/import-files/{file_id}", { path: { file_id: fileId }, signal }),
    refetchInterval: ({ state }) => (state.data?.data.state === "importing" ? 1_000 : false),
  });

/** What is recognised in a file, read in this way. */
export const previewQuery = (fileId: string, read: ReadOptions) =>
  queryOptions({
    queryKey: ["import-preview", fileId, read],
    queryFn: ({ signal }) => api.post("/import-files/{file_id}/preview", { path: { file_id: fileId }, body: read, signal }),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });

/** About how many rows an export would have. */
export const exportSizeQuery = (wanted: ExportBody) =>
  queryOptions({
    queryKey: ["export-size", wanted],
    queryFn: ({ signal }) => api.post("/history/exports/size", { body: wanted, signal }),
    placeholderData: keepPreviousData,
    retry: false,
  });

export const downloadQuery = (exportId: string) =>
  queryOptions({
    queryKey: ["export", exportId],
    queryFn: ({ signal }) => api.get("/history/exports/{export_id}", { path: { export_id: exportId }, signal }),
    refetchInterval: ({ state }) => (["ready", "running"].includes(state.data?.data.state ?? "ready") ? 700 : false),
  });
