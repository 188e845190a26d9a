import type { HeaderFields } from "../message/header_fields.ts";

/**
 * When each phase of an exchange was over, in milliseconds since it began; null
 * when there was no such phase.
 */
export interface Timings {
  /** The addresses were known. */
  readonly resolved: number | null;
  /** A socket was connected. */
  readonly connected: number | null;
  /** TLS was set up. */
  readonly secured: number | null;
  /** The head of the request was sent. */
  readonly sent: number | null;
  /** The head of the response had arrived. */
  readonly answered: number | null;
  /** The body had ended; null while it has not. */
  readonly ended: number | null;
}

/** One exchange that led to a redirect. */
export interface Hop {
  /** The URL of the request. */
  readonly url: string;
  /** The method of the request. */
  readonly method: string;
  /** The status of the response. */
  readonly status: number;
  /** The fields of the response. */
  readonly headers: HeaderFields;
  /** The address of the server, or of the proxy. */
  readonly remoteAddr: Deno.Addr;
  /** How long each phase took. */
  readonly timings: Timings;
}

/**
 * The response to a request. Disposing of it gives up what was not read of the
 * body; where it came before the request was sent, it waits for the rest of
 * that.
 */
export interface HttpClientResponse extends AsyncDisposable {
  /** The version as sent: `1.0`, `1.1`, or another of major version 1. */
  readonly version: string;
  /** The status code. */
  readonly status: number;
  /** The reason phrase as sent. */
  readonly statusText: string;
  /** Whether the status is within 200 to 299. */
  readonly ok: boolean;
  /** The URL of the response, without user, password and fragment. */
  readonly url: string;
  /** Whether redirects were followed. */
  readonly redirected: boolean;
  /** The fields as sent. */
  readonly headers: HeaderFields;
  /**
   * What marks the end of the body: its length, the close of the connection or
   * a last chunk; or there is no body. Where it is `"close"`, only TLS tells a
   * whole body from one that was cut.
   */
  readonly end: "length" | "close" | "chunked" | "none";
  /** The address of the server, or of the proxy. */
  readonly remoteAddr: Deno.Addr;
  /** How long each phase took. */
  readonly timings: Timings;
  /** The exchanges before this one. */
  readonly hops: readonly Hop[];
  /**
   * Advice on this status, in words; null when there is none.
   */
  readonly hint: string | null;
  /** Whether the content codings of the body are decoded. */
  readonly decoded: boolean;
  /**
   * The body. It can be read once, through this or one of the methods;
   * cancelling it closes the connection.
   */
  readonly body: ReadableStream<Uint8Array>;
  /** Whether reading the body has begun. */
  readonly bodyUsed: boolean;
  /** Reads the body whole. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the body as text, in the charset of its `Content-Type` or UTF-8. */
  text(): Promise<string>;
  /** Reads the body as JSON. */
  json(): Promise<unknown>;
}
