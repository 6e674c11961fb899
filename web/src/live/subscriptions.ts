type Emit = (event: string, body: unknown) => unknown;

/** How long a device stays subscribed after the last component let go, so that changing pages does not thrash. */
const LINGER_MS = 1_000;

/** Which devices the screen shows, counted, and told to the server in as few messages as possible. */
export class Subscriptions {
  private readonly counts = new Map<string, number>();
  private readonly sent = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `dropped` hears of the devices that are no longer subscribed. */
  constructor(
    private readonly emit: Emit,
    private readonly dropped: (deviceIds: readonly string[]) => void = () => undefined,
  ) {}

  /** Subscribe to devices (`"*"` for all); returns how to let go. */
  add(deviceIds: readonly string[]): () => void {
    for (const id of deviceIds) this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    this.schedule(0);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const id of deviceIds) this.counts.set(id, (this.counts.get(id) ?? 1) - 1);
      this.schedule(LINGER_MS);
    };
  }

  /** After a new connection the server knows nothing: send everything that is wanted. */
  sendAll(): void {
    this.sent.clear();
    this.settle();
  }

  private schedule(waitMs: number): void {
    if (this.timer !== null) {
      if (waitMs > 0) return;
      clearTimeout(this.timer);
    }
    this.timer = setTimeout(() => this.settle(), waitMs);
  }

  private settle(): void {
    this.timer = null;
    const added: string[] = [];
    const gone: string[] = [];
    for (const [id, count] of this.counts) {
      if (count > 0 && !this.sent.has(id)) added.push(id);
      if (count > 0) continue;
      this.counts.delete(id);
      if (this.sent.has(id)) gone.push(id);
    }
    if (added.length && this.tell("subscribe-device", added)) added.forEach((id) => this.sent.add(id));
    if (gone.length) {
      this.tell("unsubscribe-device", gone);
      gone.forEach((id) => this.sent.delete(id));
      this.dropped(gone);
    }
  }

  private tell(event: string, ids: readonly string[]): boolean {
    const all = ids.includes("*");
    const rest = ids.filter((id) => id !== "*");
    let told = true;
    if (all) told = Boolean(this.emit(event, { deviceIds: "*", frames: true }));
    if (rest.length) told = Boolean(this.emit(event, { deviceIds: rest, frames: true })) && told;
    return told;
  }
}
