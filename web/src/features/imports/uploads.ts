import { useCallback, useSyncExternalStore } from "react";
import type { QueryClient } from "@tanstack/react-query";
import { api, send } from "@/api/client";
import { keys } from "@/api/queries";
import type { ImportFile } from "@/api/types";
import { fingerprintOf } from "./fingerprint";
import { sendFile, type Sender } from "./sending";

/** A file that this window sends. It goes on while the dialog is closed; a reload needs the file to be picked again. */
export interface Sent {
  received: number;
  size: number;
  /** Why it does not go on now. */
  waiting: Error | null;
  /** Why it ended before its end. */
  failed: unknown;
  done: boolean;
}

const sent = new Map<string, Sent>();
const stops = new Map<string, AbortController>();
const listeners = new Set<() => void>();

function change(fileId: string, next: Partial<Sent>): void {
  const before = sent.get(fileId);
  if (before) sent.set(fileId, { ...before, ...next });
  listeners.forEach((listener) => listener());
}

/** What this window sends of a file; undefined when it does not. */
export function useSent(fileId: string): Sent | undefined {
  const subscribe = useCallback((listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return useSyncExternalStore(subscribe, () => sent.get(fileId));
}

function senderOf(fileId: string): Sender {
  const path = { file_id: fileId };
  return {
    put: async (content, offset, signal) => {
      const answer = await send("PUT", "/import-files/{file_id}/content", { path, query: { offset }, content, signal });
      return ((await answer.json()) as { data: ImportFile }).data;
    },
    ask: async (signal) => (await api.get("/import-files/{file_id}", { path, signal })).data,
    pause: (ms, signal) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    now: () => performance.now(),
  };
}

/** Begins to send a file, or goes on with it; its id. What stands on the server is put into the cache as it comes. */
export async function beginUpload(file: File, queries: QueryClient): Promise<string> {
  const body = { fileName: file.name.slice(-255), size: file.size, fingerprint: await fingerprintOf(file) };
  const { data: begun } = await api.post("/import-files", { body });
  const put = (stands: ImportFile) => queries.setQueryData(keys.importFile(begun.id), { data: stands, meta: {} });
  put(begun);
  if (begun.state === "receiving" && !stops.has(begun.id)) void run(begun.id, file, begun.received, begun.pieceBytes, put);
  return begun.id;
}

async function run(fileId: string, file: File, from: number, pieceBytes: number, put: (stands: ImportFile) => void): Promise<void> {
  const stop = new AbortController();
  stops.set(fileId, stop);
  sent.set(fileId, { received: from, size: file.size, waiting: null, failed: null, done: false });
  change(fileId, {});
  const onProgress = (stands: ImportFile) => {
    change(fileId, { received: stands.received });
    put(stands);
  };
  const options = { file, from, pieceBytes, signal: stop.signal, onProgress, onWaiting: (waiting: Error | null) => change(fileId, { waiting }) };
  try {
    await sendFile(options, senderOf(fileId));
    change(fileId, { done: true });
  } catch (failed) {
    if (!stop.signal.aborted) change(fileId, { failed });
  } finally {
    stops.delete(fileId);
  }
}

/** Sends no more of it. */
export function stopUpload(fileId: string): void {
  stops.get(fileId)?.abort();
  sent.delete(fileId);
  change(fileId, {});
}
