import { ApiError } from "@/api/errors";
import type { ImportFile } from "@/api/types";

const FIRST_PIECE = 1 << 20;
/** A piece that takes less than this may be larger the next time. */
const QUICK_MS = 700;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const LATER = new Set([0, 429, 502, 503, 504]);

export interface Sender {
  /** Sends bytes from `offset` on; answers how the file stands. */
  put: (content: Blob, offset: number, signal: AbortSignal) => Promise<ImportFile>;
  /** Asks how it stands. */
  ask: (signal: AbortSignal) => Promise<ImportFile>;
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  now: () => number;
}

export interface Sending {
  file: Blob;
  from: number;
  pieceBytes: number;
  signal: AbortSignal;
  onProgress: (stands: ImportFile) => void;
  /** Why it does not go on now; null when it does again. */
  onWaiting: (why: Error | null) => void;
}

const later = (error: unknown): error is ApiError => error instanceof ApiError && LATER.has(error.status);
const conflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;

/** Sends a file in pieces until the server has all of it, over lost connections and restarts of the server. */
export async function sendFile({ file, from, pieceBytes, signal, onProgress, onWaiting }: Sending, sender: Sender): Promise<void> {
  let offset = from;
  let size = Math.min(FIRST_PIECE, pieceBytes);
  let pause = FIRST_PAUSE_MS;
  let unsure = false;
  while (offset < file.size) {
    const began = sender.now();
    try {
      // After a failure nobody knows how much of the piece came.
      const stands = unsure ? await sender.ask(signal) : await sender.put(file.slice(offset, offset + size), offset, signal);
      if (!unsure && sender.now() - began < QUICK_MS) size = Math.min(size * 2, pieceBytes);
      unsure = false;
      pause = FIRST_PAUSE_MS;
      offset = stands.received;
      onWaiting(null);
      onProgress(stands);
      if (stands.state !== "receiving") return;
    } catch (error) {
      if (signal.aborted || !(later(error) || (conflict(error) && !unsure))) throw error;
      unsure = true;
      size = Math.max(Math.floor(size / 2), Math.min(FIRST_PIECE, pieceBytes));
      if (conflict(error)) continue;
      onWaiting(error as Error);
      await sender.pause(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
}
