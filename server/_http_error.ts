/**
 * Why a request cannot be served, as the status of the response (RFC 9110
 * section 15).
 *
 * The message is for those who read logs; the client gets the status, in fixed
 * words.
 */
export class HttpError extends Error {
  /** The name of this class of errors. */
  override readonly name: string = "HttpError";
  /** The status of the response. */
  readonly status: number;
  /** Fields that belong to it, such as the Allow of a 405. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * Makes an error that tells why.
   *
   * @param status The status of the response.
   * @param message What was tried, and its state.
   * @param headers Fields that belong to the status.
   */
  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
