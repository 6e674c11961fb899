import { describe, expect, it } from "vitest";
import { ApiError } from "@/api/errors";
import type { ImportFile } from "@/api/types";
import { sendFile, type Sender } from "./sending";

const MIB = 1 << 20;

/** A server that has a file, and fails as it is told. */
class Server implements Sender {
  received: number;
  readonly offsets: number[] = [];
  readonly pauses: number[] = [];
  /** What happens to the next pieces: an error before or after they are kept. */
  failures: { error: Error; kept: boolean }[] = [];
  #clock = 0;

  constructor(
    readonly size: number,
    received = 0,
  ) {
    this.received = received;
  }

  stands = (): ImportFile => ({ received: this.received, state: this.received === this.size ? "received" : "receiving" }) as ImportFile;
  ask = () => Promise.resolve(this.stands());
  now = () => (this.#clock += 10);
  pause = (ms: number) => {
    this.pauses.push(ms);
    return Promise.resolve();
  };
  put = (content: Blob, offset: number) => {
    this.offsets.push(offset);
    const failure = this.failures.shift();
    if (!failure || failure.kept) this.received = offset + content.size;
    return failure ? Promise.reject(failure.error) : Promise.resolve(this.stands());
  };
}

async function sent(server: Server, from = 0, pieceBytes = 4 * MIB) {
  const waits: (string | null)[] = [];
  const controller = new AbortController();
  const file = new Blob([new Uint8Array(server.size)]);
  await sendFile(
    { file, from, pieceBytes, signal: controller.signal, onProgress: () => undefined, onWaiting: (why) => waits.push(why?.message ?? null) },
    server,
  );
  return waits;
}

describe("sending a file", () => {
  it("sends all of it in pieces that grow while they are quick", async () => {
    const server = new Server(10 * MIB);
    await sent(server);
    expect(server.offsets).toEqual([0, 1, 3, 7].map((mib) => mib * MIB));
    expect(server.received).toBe(10 * MIB);
  });

  it("goes on where it broke off", async () => {
    const server = new Server(3 * MIB, 2 * MIB);
    await sent(server, 2 * MIB);
    expect(server.offsets).toEqual([2 * MIB]);
  });

  it("waits while the server is away and asks first how much came", async () => {
    const server = new Server(3 * MIB);
    const away = new ApiError(0, "The server cannot be reached");
    server.failures = [
      { error: away, kept: true },
      { error: away, kept: false },
    ];
    const waits = await sent(server);
    expect(server.received).toBe(3 * MIB);
    expect(server.offsets).toEqual([0, MIB, MIB, 2 * MIB]);
    expect(server.pauses).toEqual([500, 500]);
    expect(waits[0]).toBe("The server cannot be reached");
    expect(waits.at(-1)).toBeNull();
  });

  it("learns from a conflict where to go on, and gives up when that does not help", async () => {
    const server = new Server(2 * MIB, MIB);
    server.failures = [{ error: new ApiError(409, "a hole"), kept: false }];
    await sent(server, 0);
    expect(server.offsets).toEqual([0, MIB]);
    const gone = new Server(MIB);
    gone.ask = () => Promise.reject(new ApiError(404, "there is no such file"));
    gone.failures = [{ error: new ApiError(409, "cancelled"), kept: false }];
    await expect(sent(gone)).rejects.toThrow("there is no such file");
  });

  it("does not try again what the server will never take", async () => {
    const server = new Server(MIB);
    server.failures = [{ error: new ApiError(413, "too large"), kept: false }];
    await expect(sent(server)).rejects.toThrow("too large");
  });
});
