import { request } from "./request.ts";
import type { HttpClientResponse } from "./response.ts";

/**
 * The web's `fetch` on top of {@linkcode request}: the same signature and
 * types, HTTP/1.0 on the wire.
 *
 * Content codings are decoded, as the platform's own does. Like there, a
 * failure of the network is a `TypeError`, also in the middle of the body; the
 * `ClientError` with the details is its `cause`.
 *
 * @param input The URL, or a request.
 * @param init Method, headers, body, redirect and signal.
 * @returns The response.
 * @throws {TypeError} If the network or the other side fails, or the request
 *   cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { fetch } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("hi"),
 * );
 * const response = await fetch(`http://localhost:${server.addr.port}/`);
 * assertEquals(await response.text(), "hi");
 * ```
 */
export async function fetch(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  // The platform's type knows all that `init` can hold, and checks it
  const asked = new Request(input, init);
  const { method, headers, redirect, signal } = asked;
  // A stream has no length, and HTTP/1.0 needs one
  const body = init.body instanceof Blob ? init.body : asked.body;
  return await withWebErrors(signal, async () => {
    const response = await request(asked.url, {
      method,
      headers,
      redirect,
      signal,
      decode: true,
      ...body === null ? {} : { body },
    });
    const isNull = NULL_BODY_STATUSES.includes(response.status);
    if (isNull) await response.body.cancel();
    const stream = isNull ? null : webBody(response.body, signal);
    return new FetchResponse(stream, response);
  });
}

/** Runs a step of a fetch; it fails as the web's own would. */
async function withWebErrors<T>(
  signal: AbortSignal,
  step: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await step();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new TypeError(`Cannot fetch: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function webBody(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { value, done } = await withWebErrors(signal, () => reader.read());
      if (!done) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/**
 * Statuses whose `Response` must have no body (Fetch standard, "null body
 * status").
 */
const NULL_BODY_STATUSES = [101, 103, 204, 205, 304];
/** The last status that the constructor of `Response` takes. */
const MAX_STATUS = 599;

/** A `Response` that says what the web's constructor has no way to give. */
class FetchResponse extends Response {
  readonly #from: HttpClientResponse;
  readonly #headers: Headers;

  constructor(
    body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
    from: HttpClientResponse,
  ) {
    const { statusText } = from;
    const headers = new ImmutableHeaders([...from.headers]);
    const status = Math.min(from.status, MAX_STATUS);
    super(body, { status, statusText, headers });
    this.#from = from;
    this.#headers = headers;
  }

  override get type(): ResponseType {
    return "basic";
  }

  override get url(): string {
    return this.#from.url;
  }

  override get redirected(): boolean {
    return this.#from.redirected;
  }

  override get status(): number {
    return this.#from.status;
  }

  override get headers(): Headers {
    return this.#headers;
  }

  override clone(): Response {
    return new FetchResponse(super.clone().body, this.#from);
  }
}

/** The fields of a response that came: changing them would change nothing. */
class ImmutableHeaders extends Headers {
  override append(): never {
    return refuseChange();
  }

  override delete(): never {
    return refuseChange();
  }

  override set(): never {
    return refuseChange();
  }
}

function refuseChange(): never {
  throw new TypeError(
    "Cannot change headers of a response: they are what came, and new Headers(headers) makes a copy",
  );
}
