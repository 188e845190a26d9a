import type { Credentials } from "../message/credentials.ts";
import type { HeaderFieldsInit } from "../message/header_fields.ts";
import type { Url } from "../url/url.ts";
import type { Trace } from "./trace.ts";

/** A body of known size, which is read while it is sent. */
export interface SizedBody {
  /** How many bytes there are. */
  readonly size: number;
  /**
   * The bytes, or what begins to read them: it is called again where the body
   * has to be sent again, by a redirect or a retry.
   */
  readonly stream:
    | ReadableStream<Uint8Array>
    | (() => ReadableStream<Uint8Array>);
}

/**
 * What can be sent. A `ReadableStream` is sent as it comes where a
 * `Content-Length` field tells its length; else it is first read whole, up to
 * 256 MiB, because HTTP/1.0 needs its length. A {@linkcode SizedBody} is always
 * sent as it comes.
 */
export type RequestBodyInit =
  | string
  | Uint8Array
  | ArrayBuffer
  | URLSearchParams
  | FormData
  | Blob
  | ReadableStream<Uint8Array>
  | SizedBody;

/**
 * A place for cookies; the `CookieJar` of `npm:tough-cookie` has this shape.
 */
export interface CookieStore {
  /** Gives the value of the `Cookie` field for a URL; `""` for none. */
  getCookieString(url: string): string | Promise<string>;
  /**
   * Takes the value of one `Set-Cookie` field that came from a URL; rejects
   * when it is not acceptable.
   */
  setCookie(text: string, url: string): unknown;
}

/** When and how often to try again. */
export interface RetryOptions {
  /** How many more times to try. */
  readonly count: number;
  /**
   * The first pause in milliseconds; each further one is twice as long.
   *
   * @default {1000}
   */
  readonly delay?: number;
  /**
   * The longest pause in milliseconds; a response whose `Retry-After` is longer
   * is handed out as it is.
   *
   * @default {60000}
   */
  readonly maxDelay?: number;
}

/** How to reach a host. */
export interface ReachOptions {
  /**
   * Aborts what is under way; the promise then rejects with the signal's
   * reason.
   */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds for finding, connecting, a proxy's tunnel and TLS together.
   *
   * @default {10000}
   */
  readonly connectTimeout?: number;
  /**
   * Milliseconds without progress: for the head as a whole, then for each block
   * of a body.
   *
   * @default {30000}
   */
  readonly idleTimeout?: number;
  /** Use only addresses of this version of IP. */
  readonly family?: 4 | 6;
  /**
   * Addresses to use in place of those that DNS has, under `host:port`, or
   * `*:port` for every host.
   */
  readonly resolve?: Readonly<Record<string, string | readonly string[]>>;
  /** The path of a unix socket to use in place of the host's address. */
  readonly unixSocket?: string;
  /** Certificates in PEM that are trusted besides those the platform trusts. */
  readonly caCerts?: readonly string[];
  /** The client's certificate in PEM; needs `key`. */
  readonly cert?: string;
  /** The private key of the client's certificate in PEM; needs `cert`. */
  readonly key?: string;
  /** Is called with each event. */
  readonly trace?: Trace;
}

/** What {@linkcode Client} can be given for all its requests. */
export interface ClientOptions extends ReachOptions {
  /**
   * Fields to send; they take the place of the usual `User-Agent` and `Accept`.
   */
  readonly headers?: HeaderFieldsInit;
  /** Names of usual fields that are not sent. */
  readonly omit?: readonly string[];
  /**
   * What to do with a redirect: go there, hand it out, or fail.
   *
   * @default {"follow"}
   */
  readonly redirect?: "follow" | "manual" | "error";
  /**
   * How many redirects to follow.
   *
   * @default {20}
   */
  readonly maxRedirects?: number;
  /**
   * Milliseconds for everything, from the call to the end of the body.
   *
   * @default {3600000}
   */
  readonly timeout?: number;
  /**
   * An HTTP proxy, such as `http://user:password@192.0.2.1:3128`, or what
   * chooses one for a URL.
   */
  readonly proxy?: string | ((url: Url) => string | null);
  /**
   * Hosts that are reached without the proxy, as in the `no_proxy` variable.
   */
  readonly noProxy?: string;
  /**
   * Whether to ask the server to keep the connection for the next request of
   * the same client.
   *
   * @default {true} in a `Client`, false in `request()`
   */
  readonly keepAlive?: boolean;
  /**
   * The longest head of a response, in bytes.
   *
   * @default {65536}
   */
  readonly maxHeadBytes?: number;
  /**
   * The longest body of a response, in bytes, before and after decoding; without
   * it a stream has no limit, and `text()`, `json()` and `bytes()` stop at 256
   * MiB.
   */
  readonly maxBodyBytes?: number;
  /**
   * Whether to ask for content codings and to decode them.
   *
   * @default {false}
   */
  readonly decode?: boolean;
  /**
   * User and password for the origin of the URL that is asked for; those in the
   * URL itself come second.
   */
  readonly credentials?: Credentials;
  /** Where cookies come from and go to. */
  readonly cookies?: CookieStore;
  /** How many times to try again, or how. */
  readonly retry?: number | RetryOptions;
}

/** What {@linkcode request} can be given. */
export interface RequestOptions extends ClientOptions {
  /**
   * The method, a case-sensitive token.
   *
   * @default {"GET"}
   */
  readonly method?: string;
  /**
   * What to send; `{ size, stream }` for a stream of known length, which is
   * sent as it comes, in constant memory.
   */
  readonly body?: RequestBodyInit;
}

const LIMITS = [
  "connectTimeout",
  "idleTimeout",
  "timeout",
  "maxRedirects",
  "maxHeadBytes",
  "maxBodyBytes",
] as const;
const REDIRECTS: readonly unknown[] = [undefined, "follow", "manual", "error"];

/** A limit that is no number would be no limit, another word would be none. */
export function checkOptions(options: RequestOptions): void {
  for (const name of LIMITS) {
    const value = options[name];
    if (value === undefined || (typeof value === "number" && value >= 0)) {
      continue;
    }
    const message = `Cannot use ${name} ${value}: not a number from 0`;
    throw typeof value === "number"
      ? new RangeError(message)
      : new TypeError(message);
  }
  if (REDIRECTS.includes(options.redirect)) return;
  throw new TypeError(
    `Cannot use redirect ${options.redirect}: expected follow, manual or error`,
  );
}
