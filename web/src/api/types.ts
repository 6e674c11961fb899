/** The shapes of the REST contract that the screens use. Times are ISO 8601 in UTC. */

export type Level = "normal" | "info" | "warning" | "critical" | "unknown";
export type Severity = "critical" | "high" | "medium" | "low";
export type Quality = "good" | "uncertain" | "bad" | "stale";
export type DeviceStatus = "active" | "offline" | "unknown" | "disabled";
export type Trend = "increasing" | "decreasing" | "stable";
export type Value = number | string | boolean | null;

export interface Limits {
  normalMin: number | null;
  normalMax: number | null;
  alertMin: number | null;
  alertMax: number | null;
}

export interface Reading {
  value: Value;
  timestamp: string;
  quality: Quality;
}

export interface Device {
  deviceId: string;
  id: string;
  name: string;
  type: string;
  location: string;
  status: DeviceStatus;
  online: boolean;
  unit: string | null;
  primaryTag: string | null;
  decimals: number | null;
  lastReading: Reading | null;
  alertStatus: Level;
  activeAlerts: number;
  stats: { avg24h: number | null; trend: Trend | null };
  limits: Limits;
  staleAfterSeconds: number;
  expectedIntervalSeconds: number | null;
  area: string;
}

export interface WindowStats {
  avg: number;
  min: number;
  max: number;
  count: number;
  trend: Trend;
}

export interface Tag {
  id: number;
  name: string;
  unit: string;
  kind: "number" | "boolean" | "text";
  decimals: number;
  isPrimary: boolean;
  limits: Limits;
  deadband?: number;
  severity?: Severity;
  expectedIntervalSeconds?: number | null;
  lastReading: Reading | null;
  stats1h: WindowStats | null;
  stats24h: WindowStats | null;
}

export interface DeviceDetail extends Device {
  tags: Tag[];
  stats1h: WindowStats | null;
  stats24h: WindowStats | null;
  protocol: string;
  createdAt: string;
  timezone: string;
  offlineAfterSeconds: number;
}

export interface DevicesMeta {
  totalDevices: number;
  activeDevices: number;
  timestamp: string;
}

export interface NewDevice {
  deviceId: string;
  type: string;
  location: string;
  unit: string;
  name?: string;
  normalMin?: number;
  normalMax?: number;
  alertMin?: number;
  alertMax?: number;
}

export interface TagConfig extends Partial<Limits> {
  unit?: string;
  decimals?: number;
  deadband?: number;
  onDelaySeconds?: number;
  offDelaySeconds?: number;
  severity?: Severity;
}

export interface DeviceConfig extends TagConfig {
  name?: string;
  location?: string;
  offlineAfterSeconds?: number;
  tags?: Record<string, TagConfig>;
}

export interface HistoryReading {
  timestamp: string;
  value: Value;
  quality: Quality;
  min?: number;
  max?: number;
  count?: number;
}

export interface History {
  deviceId: string;
  tag: string;
  unit: string;
  from: string;
  to: string;
  resolution: "raw" | "buckets";
  bucketSeconds?: number | null;
  readings: HistoryReading[];
}

export interface HistoryMeta {
  count: number;
  truncated: boolean;
  nextFrom: string | null;
}

export interface HistoryQuery {
  from?: string;
  to?: string;
  tag?: string;
  limit?: number;
  buckets?: number;
  order?: "asc" | "desc";
}

export interface Statistics {
  count: number;
  mean: number | null;
  median: number | null;
  sd: number | null;
  min: number | null;
  max: number | null;
  p5: number | null;
  p95: number | null;
  first: Reading | number | null;
  last: Reading | number | null;
  goodShare: number | null;
}

export type AlertStatus = "active" | "acknowledged" | "resolved";
export type AlarmState = "normal" | "unacknowledged" | "acknowledged" | "rtn_unacknowledged";

export interface AlertComment {
  at: string;
  author: string;
  text: string;
}

export interface Alert {
  id: string;
  deviceId: string;
  deviceName: string;
  tag: string | null;
  type: string;
  alertType: string;
  message: string;
  severity: Severity;
  level: Exclude<Level, "normal" | "unknown">;
  value: number | null;
  threshold: number | null;
  unit: string | null;
  status: AlertStatus;
  state: AlarmState;
  lifecycle: "triggered" | "acknowledged" | "resolved" | "escalated";
  triggeredAt: string;
  acknowledgedAt: string | null;
  acknowledgedBy: string | null;
  resolvedAt: string | null;
  resolvedBy: string | null;
  escalatedAt: string | null;
  lastValue: number | null;
  lastValueAt: string | null;
  comments: AlertComment[];
  guidance: string | null;
}

export interface AlertsMeta {
  totalAlerts: number;
  criticalAlerts: number;
  highAlerts: number;
  mediumAlerts: number;
  lowAlerts: number;
  timestamp: string;
}

export interface AlertQuery {
  status?: AlertStatus | "all";
  severity?: Severity;
  deviceId?: string;
  limit?: number;
  offset?: number;
}

export interface AlertHistoryQuery {
  from?: string;
  to?: string;
  deviceId?: string;
  severity?: Severity;
  limit?: number;
  offset?: number;
}

export type Health = "healthy" | "degraded" | "unhealthy";

export interface Dashboard {
  totalDevices: number;
  activeDevices: number;
  offlineDevices: number;
  unknownDevices?: number;
  activeAlertsCount: number;
  alertsBySeverity: Record<Severity, number>;
  dataPointsLastHour: number;
  systemHealth: Health;
  discoveredDevices: number;
  timestamp: string;
}

export interface Role {
  name: string;
  state: string;
  restarts: number;
  pid: number | null;
  detail?: string;
  cpuPercent: number | null;
  rssMb: number | null;
}

export interface Stream {
  stream: string;
  first: number;
  end: number;
  bytes: number;
  groups: { group: string; position: number; lag: number }[];
}

export interface DependencyHealth {
  status: Health;
  responseTime: number;
  error?: string;
}

/** `GET /health`: outside the envelope, and a body also with status 503. */
export interface HealthBody {
  status: Health;
  timestamp: string;
  version: string;
  dependencies: Record<string, DependencyHealth>;
  metrics: { uptime: number; requestsPerMinute: number; errorRate: number };
}

export interface SystemMetrics {
  uptimeSeconds: number;
  version: string;
  health: Health;
  roles: Role[];
  rates: Record<string, number>;
  streams: Stream[];
  storage: Record<string, number>;
  clients: { socketio: number; websocket: number; mqtt: number };
  deadLetters: { total: number };
  process: { pid?: number; rssMb: number; cpuPercent: number };
  dependencies: Record<string, DependencyHealth>;
  timestamp: string;
}

export interface DeadLetter {
  id: string | number;
  at: string;
  source: "mqtt" | "http" | "log";
  topic: string;
  reason: string;
  detail: string;
  size: number;
  preview: string;
  replayable: boolean;
}

export interface DiscoveredSignal {
  name: string;
  unit: string | null;
  kind: "number" | "boolean" | "text";
  lastValue: Value;
  min: number | null;
  max: number | null;
  count: number;
  intervalSeconds: number | null;
  suggested: Limits;
}

export interface DiscoveredDevice {
  key: string;
  protocol: string;
  deviceId: string;
  topic: string;
  type: string;
  firstSeen: string;
  lastSeen: string;
  messages: number;
  suggestedName: string;
  signals: DiscoveredSignal[];
}

export interface AdoptRequest {
  name?: string;
  location?: string;
  unit?: string;
  signals?: Record<string, Partial<Limits>>;
}

export interface BrokerCredentials {
  host: string;
  port: number;
  username: string;
  password: string;
  topics: Record<string, string>;
}

export interface User {
  id: string;
  username: string;
  role: string;
  permissions: string[];
  organisation: { id: string; name: string; timezone: string };
}

export interface Session {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  tokenType: "Bearer";
  user: User;
}

export interface TrendAnalysis {
  deviceId: string;
  tag: string;
  unit: string;
  trend: Trend | null;
  slopePerHour: number | null;
  r2: number | null;
  confidence: number | string | null;
  points: { timestamp: string; value: number }[];
}
