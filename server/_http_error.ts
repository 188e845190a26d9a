/** What the client is told beside the status. */
export interface HttpErrorInit {
  /** Fields that belong to the status, such as the Allow of a 405. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What was expected in place of the request, in words for the body. */
  readonly expected?: string;
}

/**
 * Why a request cannot be served, as the status of the response (RFC 9110
 * section 15).
 *
 * The message is for those who read logs; the client gets the status, and what
 * was expected, in fixed words.
 */
export class HttpError extends Error {
  /** The name of this class of errors. */
  override readonly name: string = "HttpError";
  /** The status of the response. */
  readonly status: number;
  /** Fields that belong to it, such as the Allow of a 405. */
  readonly headers: Readonly<Record<string, string>>;
  /** What was expected, for the body of the response; "" for nothing more. */
  readonly expected: string;

  /**
   * Makes an error that tells why.
   *
   * @param status The status of the response.
   * @param message What was tried, and its state.
   * @param init What the client is told beside the status.
   */
  constructor(
    status: number,
    message: string,
    { headers = {}, expected = "" }: HttpErrorInit = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.expected = expected;
  }
}

/** Whether an error of the system says that no descriptor is left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "EMFILE" || code === "ENFILE";
}
