import { ApiError, toApiError } from "./errors";
import type { paths } from "./schema";
import { refresh, session } from "./session";

export const API = "/api/v1";

export interface Envelope<Data, Meta> {
  data: Data;
  meta: Meta;
}

type Scalar = string | number | boolean | null | undefined;

export interface RequestOptions {
  /** Fills `{name}` in the path. */
  path?: Record<string, string | number>;
  query?: object;
  body?: unknown;
  /** Bytes, instead of a body of JSON. */
  content?: Blob;
  signal?: AbortSignal | undefined;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** `/devices/{device_id}` with its parameters put in and encoded. */
export function buildUrl(template: string, options: RequestOptions = {}): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = options.path?.[name];
    if (value === undefined) throw new Error(`${template} needs ${name}`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {}) as [string, Scalar | Scalar[]][]) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") query.append(name, String(each));
    }
  }
  const text = query.toString();
  return API + path + (text ? `?${text}` : "");
}

async function once(method: Method, url: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers({ accept: "application/json" });
  const token = session.token();
  if (token) headers.set("authorization", `Bearer ${token}`);
  const init: RequestInit = { method, headers, credentials: "same-origin", signal: options.signal ?? null };
  if (options.body !== undefined) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(options.body);
  }
  if (options.content !== undefined) {
    headers.set("content-type", "application/octet-stream");
    init.body = options.content;
  }
  try {
    return await fetch(url, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached");
  }
}

/** One authorised request. An access token that ran out is renewed once and the request is sent again. */
export async function send(method: Method, template: string, options: RequestOptions = {}): Promise<Response> {
  const url = buildUrl(template, options);
  let response = await once(method, url, options);
  if (response.status === 401 && (await refresh())) response = await once(method, url, options);
  if (!response.ok) throw await toApiError(response);
  return response;
}

async function call<Data, Meta>(method: Method, template: string, options?: RequestOptions): Promise<Envelope<Data, Meta>> {
  const response = await send(method, template, options);
  const body = (await response.json()) as Partial<Envelope<Data, Meta>>;
  return { data: body.data as Data, meta: body.meta ?? ({} as Meta) };
}

type Api = { [Path in keyof paths as Path extends `/api/v1${infer Template}` ? Template : never]: paths[Path] };
type Verb = "get" | "post" | "put" | "delete";
/** The paths that know the verb. */
type Template<V extends Verb> = { [T in keyof Api]: Api[T][V] extends { responses: unknown } ? T : never }[keyof Api];
type Operation<V extends Verb, T extends keyof Api> = NonNullable<Api[T][V]>;

type Json<Body> = { content: { "application/json": Body } };
type Answer<O> = O extends { responses: { 200: Json<infer Body> } | { 201: Json<infer Body> } } ? Body : never;
type DataOf<O> = Answer<O> extends { data: infer Data } ? Data : never;
type MetaOf<O> = Answer<O> extends { meta: infer Meta } ? Meta : Record<string, never>;

type PathOf<O> = O extends { parameters: { path: infer Path } } ? { path: Path } : object;
type QueryOf<O> = O extends { parameters: { query?: infer Query } } ? { query?: Query } : object;
type BodyOf<O> = O extends { requestBody: Json<infer Body> }
  ? { body: Body }
  : O extends { requestBody?: Json<infer Body> }
    ? { body?: Body }
    : object;
type OptionsOf<O> = PathOf<O> & QueryOf<O> & BodyOf<O> & { signal?: AbortSignal };
/** The options may be left out where nothing in them must be given. */
type Given<O> = object extends OptionsOf<O> ? [options?: OptionsOf<O>] : [options: OptionsOf<O>];

function caller<V extends Verb>(verb: V) {
  return <T extends Template<V>>(template: T, ...[options]: Given<Operation<V, T>>) =>
    call<DataOf<Operation<V, T>>, MetaOf<Operation<V, T>>>(verb.toUpperCase() as Uppercase<V>, template, options);
}

/** Calls as the server's contract has them: `await api.get("/devices/{device_id}", { path: { device_id } })`. */
export const api = { get: caller("get"), post: caller("post"), put: caller("put"), delete: caller("delete") };

/** The name that the server gives a file. */
const fileName = (response: Response): string | undefined => /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "")?.[1];

/** Hands bytes to the browser as a download. */
function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Fetches a file with the session's token and hands it to the browser as a download. */
export async function download(template: string, options: RequestOptions, fallbackName: string): Promise<void> {
  const response = await send("GET", template, options);
  saveFile(await response.blob(), fileName(response) ?? fallbackName);
}

/** Lets the browser fetch a file by itself, straight to the disk: the path brings its own ticket. */
export function fetchFile(path: string): void {
  const link = document.createElement("a");
  link.href = path;
  link.download = "";
  link.click();
}
