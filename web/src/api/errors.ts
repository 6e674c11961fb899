/** What the server says when it refuses: the field at fault and the cure. */
export interface ErrorDetail {
  field: string | null;
  message: string;
  cure: string | null;
}

export interface ErrorBody {
  success: false;
  error: string;
  status: number;
  request_id?: string;
  details?: ErrorDetail[];
}

/** A refused or failed request. `status` 0 means that the server was not reached at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly details: readonly ErrorDetail[];
  readonly requestId: string | undefined;

  constructor(status: number, message: string, details: readonly ErrorDetail[] = [], requestId?: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.details = details;
    this.requestId = requestId;
  }

  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }

  /** The message for one form field, with its cure. */
  forField(field: string): string | undefined {
    const found = this.details.find((detail) => detail.field === field);
    return found && sentences([found.message, found.cure]);
  }
}

/** The error as a person should read it: what happened and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  return sentences([error.message, ...error.details.map((detail) => detail.cure)]);
}

/** Joins what the server says in fragments. Names such as `normalMax` and `loom.csv` keep their small letter. */
function sentences(parts: readonly (string | null)[]): string {
  const capitalised = (part: string) => part.replace(/^[a-z]+(?=[\s,:]|$)/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
  return parts
    .filter((part) => part !== null && part !== "")
    .map((part) => capitalised(part ?? "").replace(/\.$/, ""))
    .join(". ");
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === "object" && body !== null && "error" in body && typeof body.error === "string";
}

/** Reads an unsuccessful answer; answers that are not the API's own still give a sentence. */
export async function toApiError(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  if (isErrorBody(body)) return new ApiError(response.status, body.error, body.details, body.request_id);
  return new ApiError(response.status, `The server answered ${response.status} ${response.statusText}`.trim());
}
