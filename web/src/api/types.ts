/**
 * The shapes of the REST contract, by the names that the screens use. They come from `schema.d.ts`, which
 * `make openapi` writes from the server's own contract: a change over there that matters here breaks `tsc`.
 * Times are ISO 8601 in UTC.
 */
import type { components, operations } from "./schema";

type Schemas = components["schemas"];
type QueryOf<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;

export type Limits = Schemas["SignalLimits"];
export type Reading = Schemas["Reading"];
export type Value = Reading["value"];
export type Quality = Reading["quality"];
export type Device = Schemas["Device"];
export type DeviceDetail = Schemas["DeviceDetail"];
export type DevicesMeta = Schemas["DevicesMeta"];
export type DeviceStatus = Device["status"];
export type Level = Device["alertStatus"];
export type Tag = Schemas["Tag"];
export type WindowStats = Schemas["WindowStats"];
export type Trend = NonNullable<WindowStats["trend"]>;

export type NewDevice = Schemas["DeviceBody"];
export type TagConfig = Schemas["TagConfigBody"];
export type DeviceConfig = Schemas["ConfigBody"];

export type History = Schemas["History"];
export type HistoryReading = Schemas["HistoryReading"];
export type HistoryMeta = Schemas["HistoryMeta"];
export type HistoryQuery = QueryOf<"history">;
export type SeriesQuery = QueryOf<"series_history">;
export type StatisticsQuery = QueryOf<"statistics">;
export type Statistics = Schemas["TagStatistics"];
export type TrendAnalysis = Schemas["TrendAnalysis"];

export type Alert = Schemas["Alert"];
export type AlertComment = Schemas["AlertComment"];
export type AlertsMeta = Schemas["AlertsMeta"];
export type AlertStatus = Alert["status"];
export type AlarmState = Alert["state"];
export type Severity = Alert["severity"];
export type AlertQuery = QueryOf<"list_alerts">;
export type AlertHistoryQuery = QueryOf<"alert_history">;

export type Dashboard = Schemas["Dashboard"];
export type SystemMetrics = Schemas["SystemMetrics"];
export type Role = Schemas["Role"];
export type Stream = Schemas["Stream"];
export type DependencyHealth = Schemas["DependencyHealth"];
export type Health = DependencyHealth["status"];
/** `GET /health`: outside the envelope, and a body also with status 503. */
export type HealthBody = Schemas["HealthBody"];

export type DeadLetter = Schemas["DeadLetterItem"];
export type DeadLetterQuery = QueryOf<"dead_letters">;
export type DiscoveredDevice = Schemas["DiscoveredDevice"];
export type DiscoveredSignal = Schemas["DiscoveredSignal"];
export type AdoptRequest = Schemas["AdoptBody"];
export type BrokerCredentials = Schemas["BrokerCredentials"];

export type User = Schemas["SignedInUser"];
export type Session = Schemas["Session"];

export type ImportFile = Schemas["FileView"];
export type BegunFile = Schemas["BegunFile"];
export type ReadOptions = Schemas["ReadBody"];
export type ImportOrder = Schemas["OrderBody"];
export type Preview = Schemas["PreviewView"];
export type LeftOut = Schemas["LeftOutView"];

export type ExportBody = Schemas["ExportBody"];
export type Download = Schemas["DownloadView"];

export type HistoryStorage = Schemas["HistoryStorage"];
export type StorageTier = Schemas["StorageTier"];
export type ConsumerLag = Schemas["ConsumerLag"];
export type Retention = Schemas["RetentionView"];
export type RetentionPolicy = Schemas["PolicyView"];
export type RetentionOverride = Schemas["OverrideView"];
export type NewRetention = Schemas["RetentionBody"];
