import config from "../../deno.json" with { type: "json" };
import {
  type Credentials,
  writeBasicCredentials,
} from "../../message/field_values.ts";
import { parseContentLength } from "../../message/framing.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import type { RequestHeadInit } from "../../message/request_head.ts";
import { parseUrl, Url } from "../../url/url.ts";
import { Deadline, endOf, untilAborted } from "../_connect/deadline.ts";
import {
  checkOptions,
  type RequestBodyInit,
  type RequestOptions,
  type SizedBody,
} from "../options.ts";
import {
  credentialsOf,
  hrefWithoutSecrets,
  type Route,
  writeTarget,
} from "../route.ts";
import { type Emit, emitTo } from "../trace.ts";

const USER_AGENT = `Knock/${config.version}`;
/**
 * The codings that `decode` removes. Deno's zstd is of no use: it does not tell
 * a cut body from a whole one.
 */
const ACCEPT_ENCODING = "gzip, deflate, br";
/** The most bytes of a stream that are held to learn its length. */
const MAX_HELD_BYTES = 268_435_456;
/** Of the boundary between the parts of a form, so that nobody can guess it. */
const RANDOM_BYTES = 16;

/** What is asked for: one request, before it is known how it will travel. */
export interface RequestSpec {
  /** What the caller asked for. */
  readonly options: RequestOptions;
  /** When all of it has to be done, by the clock of `performance.now()`. */
  readonly end: number;
  /** Emits an event; undefined where nobody listens. */
  readonly emit: Emit | undefined;
  /** The URL; this and what follows differ after a redirect. */
  readonly url: Url;
  /** It without user, password and fragment: what may be shown and kept. */
  readonly href: string;
  /** What is sent in place of its path and query. */
  readonly target: string | undefined;
  /** The method. */
  readonly method: string;
  /** The caller's fields. */
  readonly headers: HeaderFields;
  /** The body. */
  readonly payload: Payload | null;
  /** User and password for the present origin. */
  readonly credentials: Credentials | null;
}

/** A body that is ready to be sent, and to be sent again. */
export interface Payload {
  /** How many bytes there are. */
  readonly size: number;
  /** The media type that goes with it; null when the caller has to name it. */
  readonly type: string | null;
  /** All of it, or what begins to read it; a stream can be read once. */
  readonly content: Uint8Array | SizedBody["stream"];
}

/** Reads what the caller asked for. */
export async function readSpec(
  url: string | Url | URL,
  options: RequestOptions,
): Promise<RequestSpec> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const end = endOf(options);
  const parsed = url instanceof Url ? url : parseUrl(String(url));
  const { method = "GET", body } = options;
  const headers = new HeaderFields(options.headers);
  if (headers.has("transfer-encoding")) {
    throw new TypeError("Cannot send Transfer-Encoding: HTTP/1.0 has none");
  }
  if (method === "CONNECT") {
    throw new TypeError("Cannot send CONNECT: use connect() for a socket");
  }
  // A stream whose length is told need not be held
  const length = headers.get("content-length");
  const sendable = length !== null && body instanceof ReadableStream
    ? { size: parseContentLength(length) ?? NaN, stream: body }
    : body;
  return {
    options,
    end,
    emit: emitTo(options.trace),
    url: parsed,
    href: hrefWithoutSecrets(parsed),
    target: options.target,
    method,
    headers,
    payload: await preparePayload(sendable, options, end),
    credentials: options.credentials ?? credentialsOf(parsed),
  };
}

/** Makes a body ready, reading it first when its length is not known. */
async function preparePayload(
  init: RequestBodyInit | undefined,
  options: RequestOptions,
  end: number,
): Promise<Payload | null> {
  if (init === undefined) return null;
  const body = init instanceof FormData ? writeMultipart(init) : init;
  if (body instanceof Blob) {
    const content = () => body.stream();
    return { size: body.size, type: body.type || null, content };
  }
  if (body instanceof ReadableStream) {
    using deadline = new Deadline(options, end);
    const text = "Cannot read the body to send";
    deadline.start({ text, step: "exchange" }, Infinity);
    const content = await readAll(body, deadline.signal);
    return { size: content.length, type: null, content };
  }
  if (body instanceof Object && "stream" in body && "size" in body) {
    checkSized(body);
    return { size: body.size, type: null, content: body.stream };
  }
  checkType(body);
  // The platform knows how to write each of the other types
  const written = new Response(body as BodyInit);
  const type = written.headers.get("Content-Type");
  const content = await written.bytes();
  return { size: content.length, type, content };
}

function checkSized({ size, stream }: SizedBody): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new TypeError(
      `Cannot send body: size ${size} is not a whole number from 0`,
    );
  }
  if (typeof stream !== "function" && !(stream instanceof ReadableStream)) {
    throw new TypeError(
      "Cannot send body: its stream is neither a ReadableStream nor a function that gives one",
    );
  }
}

async function readAll(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await untilAborted(reader.read(), signal);
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      size += value.length;
      if (size > MAX_HELD_BYTES) {
        throw new TypeError(
          `Cannot send body: HTTP/1.0 needs its length, and more than the ${MAX_HELD_BYTES} bytes that are held to learn it came`,
        );
      }
      parts.push(value.slice());
    }
  } catch (error) {
    reader.cancel(error).catch(() => {}); // the caller's own matter
    throw error;
  }
}

/** The platform would send `String(body)` of whatever else there is. */
function checkType(body: unknown): void {
  if (
    typeof body === "string" || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) || body instanceof URLSearchParams
  ) return;
  const shown = Deno.inspect(body, { depth: 0, breakLength: Infinity })
    .slice(0, 60);
  throw new TypeError(
    `Cannot send body ${shown}: expected a string, bytes, URLSearchParams, FormData, a Blob, a ReadableStream or { size, stream }`,
  );
}

/** Whether the body was a stream, and has been read. */
export function isSpent(payload: Payload | null): boolean {
  return payload?.content instanceof ReadableStream && payload.content.locked;
}

/** Frees what a stream holds that will not be sent. */
export function discard(payload: Payload | null, reason: unknown): void {
  const content = payload?.content;
  if (!(content instanceof ReadableStream) || content.locked) return;
  content.cancel(reason).catch(() => {}); // the caller's own matter
}

/**
 * Methods whose request has a body by nature, so that its length is sent even
 * when it is zero (RFC 9110 section 8.6).
 */
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/** Makes the head of a request, which depends on its route. */
export function headOf(
  spec: RequestSpec,
  route: Route,
  cookie: string | undefined,
): RequestHeadInit {
  const { options, url, method, headers: own, payload, credentials } = spec;
  const headers = new HeaderFields();
  const setDefault = (name: string, value: string | null): void => {
    if (value !== null && !own.has(name)) headers.append(name, value);
  };
  setDefault("Host", url.host);
  setDefault("User-Agent", USER_AGENT);
  setDefault("Accept", "*/*");
  // A part of what is coded cannot be decoded
  const mayBeCoded = options.decode && !own.has("range");
  setDefault("Accept-Encoding", mayBeCoded ? ACCEPT_ENCODING : null);
  const authorization = credentials && writeBasicCredentials(credentials);
  setDefault("Authorization", authorization);
  setDefault("Connection", options.keepAlive ? "keep-alive" : null);
  setDefault("Content-Type", payload && payload.type);
  for (const [name, value] of own) headers.append(name, value);
  if (cookie) {
    headers.set("Cookie", [...own.getAll("cookie"), cookie].join("; "));
  }
  headers.delete("Content-Length"); // the one that is true
  if (payload !== null || METHODS_WITH_BODY.includes(method)) {
    headers.append("Content-Length", String(payload?.size ?? 0));
  }
  setProxyAuthorization(headers, route);
  for (const name of options.omit ?? []) headers.delete(name);
  return { method, target: targetOf(spec, route), headers };
}

/**
 * Only a proxy that takes the request itself may see it: not the origin, with a
 * tunnel or without.
 */
function setProxyAuthorization(headers: HeaderFields, route: Route): void {
  const own = headers.get("proxy-authorization");
  headers.delete("proxy-authorization");
  if (route.proxy === null || route.tunnels) return;
  const value = own ?? route.proxy.authorization;
  if (value !== null) headers.append("Proxy-Authorization", value);
}

/**
 * origin-form, or absolute-form for a proxy (RFC 9112 section 3.2), never with
 * user, password or fragment.
 */
function targetOf({ url, ...spec }: RequestSpec, route: Route): string {
  const { target = writeTarget(url.path, url) } = spec;
  return route.proxy !== null && !route.tunnels && target.startsWith("/")
    ? `http://${url.host}${target}`
    : target;
}

/**
 * Writes a form as multipart/form-data (RFC 7578), as the HTML standard does:
 * the platform leaves the last line end out. A `Blob` holds the files by
 * reference.
 */
function writeMultipart(form: FormData): Blob {
  const boundary = makeBoundary();
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const disposition = `form-data; name="${escapeName(normalizeLines(name))}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}`);
    if (typeof value === "string") {
      parts.push(`\r\n\r\n${normalizeLines(value)}\r\n`);
    } else {
      const filename = escapeName(value.name);
      const type = value.type === "" ? "application/octet-stream" : value.type;
      parts.push(`; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n`);
      parts.push(value, "\r\n");
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

/** Makes what stands between the parts of a form. */
export function makeBoundary(): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `knock-${random.toHex()}`;
}

function normalizeLines(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

/** Writes a name for a quoted string, as the HTML standard does. */
export function escapeName(name: string): string {
  return name.replace(/[\r\n"]/g, (char) => encodeURIComponent(char));
}
