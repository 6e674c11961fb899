import type { Socket } from "socket.io-client";
import { refresh, session } from "@/api/session";
import { patiently } from "@/routes/part";
import { learnServerTime, serverNow } from "./clock";
import { liveStore } from "./store";
import { Subscriptions } from "./subscriptions";
import { ALARM_EVENTS, type AlarmEvent, type AlarmEventName, type ConnectionStatus, type SensorFrame, type Subscribed } from "./wire";

/** `since` is by the server's clock. */
export type Connection = { state: "connecting" | "live" | "lost"; since: number };
/** `missed`: something may have happened before, and after what is on the screen was asked for. */
type SubscribedListener = (missed: boolean) => void;
type AlarmListener = (name: AlarmEventName, event: AlarmEvent) => void;

const RECONNECT = { reconnectionDelay: 500, reconnectionDelayMax: 3_000, timeout: 5_000 };
/** After a connection what was missed comes first; what comes this soon may be of the past. */
const CATCH_UP_MS = 2_000;

/** The one Socket.IO connection: it comes back by itself and asks for what was missed in between. */
class LiveSocket {
  readonly subscriptions = new Subscriptions(
    (event, body) => this.socket?.connected && this.socket.emit(event, body),
    (deviceIds) => liveStore.forget(deviceIds),
  );
  private socket: Socket | null = null;
  private opening = false;
  private openedAt = 0;
  private connection: Connection = { state: "connecting", since: serverNow() };
  private position: number | null = null;
  private readonly connectionListeners = new Set<() => void>();
  private readonly alarmListeners = new Set<AlarmListener>();
  private readonly statusListeners = new Set<() => void>();
  private readonly subscribedListeners = new Set<SubscribedListener>();

  getConnection = (): Connection => this.connection;

  onConnection = (listener: () => void): (() => void) => {
    this.connectionListeners.add(listener);
    return () => this.connectionListeners.delete(listener);
  };

  onAlarm = (listener: AlarmListener): (() => void) => {
    this.alarmListeners.add(listener);
    return () => this.alarmListeners.delete(listener);
  };

  /** A device came or went. */
  onDeviceStatus = (listener: () => void): (() => void) => {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  };

  /** From this moment on the server tells of alarms and devices. */
  onSubscribed = (listener: SubscribedListener): (() => void) => {
    this.subscribedListeners.add(listener);
    return () => this.subscribedListeners.delete(listener);
  };

  async open(): Promise<void> {
    if (this.socket || this.opening) return;
    this.opening = true;
    this.openedAt = performance.now();
    const { io } = await patiently(() => import("socket.io-client"));
    this.opening = false;
    if (session.get().status !== "signed-in") return;
    this.socket = io({
      transports: ["websocket", "polling"],
      auth: (give) => give({ token: session.token() }),
      ...RECONNECT,
    });
    this.listen(this.socket);
  }

  close(): void {
    this.socket?.disconnect();
    this.socket = null;
    this.position = null;
    this.become("connecting");
    liveStore.clear();
  }

  /** Tell the server of a renewed access token, so that it does not end the connection with the old one. */
  renewToken(): void {
    if (this.socket?.connected) this.socket.emit("authenticate", { token: session.token() });
  }

  private listen(socket: Socket): void {
    socket.on("connect", () => this.connected(socket));
    socket.on("connection-status", (status: ConnectionStatus) => {
      learnServerTime(status.timestamp);
      this.position ??= status.position ?? null;
    });
    socket.on("sensor-frame", (frame: SensorFrame) => {
      this.position = frame.position;
      const now = serverNow();
      liveStore.apply(frame.samples, now, now - this.connection.since < CATCH_UP_MS);
    });
    for (const name of ALARM_EVENTS) {
      socket.on(name, (event: AlarmEvent) => this.alarmListeners.forEach((listener) => listener(name, event)));
    }
    socket.on("device-status", () => this.statusListeners.forEach((listener) => listener()));
    socket.on("disconnect", (reason) => {
      this.become("lost");
      // Socket.IO leaves it to us to come back when the server closed the connection itself.
      if (reason === "io server disconnect") void this.comeBack(socket);
    });
    socket.on("connect_error", () => {
      this.become("lost");
      // A refusal by the server (not a broken line) is not retried by Socket.IO: the token may have run out.
      if (!socket.active) void this.comeBack(socket);
    });
  }

  private connected(socket: Socket): void {
    socket.emit("subscribe-system", {});
    // The server handles one event after the other: this answer stands for both.
    socket.emit("subscribe-alerts", {}, ({ quietMs = 0 }: Subscribed) => {
      // Nothing was asked for before the connection was opened.
      const missed = quietMs < performance.now() - this.openedAt;
      this.subscribedListeners.forEach((listener) => listener(missed));
    });
    this.subscriptions.sendAll();
    if (this.position !== null) socket.emit("resume", { position: this.position });
    this.become("live");
  }

  private async comeBack(socket: Socket): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, RECONNECT.reconnectionDelay));
    const renewed = await refresh().catch(() => true);
    if (renewed && this.socket === socket) socket.connect();
  }

  private become(state: Connection["state"]): void {
    if (state === this.connection.state) return;
    this.connection = { state, since: serverNow() };
    this.connectionListeners.forEach((listener) => listener());
  }
}

export const liveSocket = new LiveSocket();

// The connection comes up while the first page is still being fetched.
let lastToken = session.token();
session.subscribe(() => {
  const { status } = session.get();
  const token = session.token();
  if (status === "signed-out") liveSocket.close();
  if (status === "signed-in") void liveSocket.open();
  if (token !== lastToken) liveSocket.renewToken();
  lastToken = token;
});
