import { HeaderFields, writeHttpDate } from "../../message/mod.ts";
import { PreparedResponse } from "../_prepared_response.ts";
import type { Coding } from "./content_coding.ts";
import type { Found, Version } from "./file_tree.ts";
import type { Validators } from "./preconditions.ts";
import type { Shelved } from "./shelf.ts";

/** What all files are sent with. */
export interface CommonHeaders {
  /** The Cache-Control field. */
  readonly cacheControl: string;
  /** Fields of the user's own, which replace ours. */
  readonly extra: HeaderFields;
}

/** What a representation is made of. */
export interface RepresentationInit {
  /** The file with the bytes. */
  readonly source: Found;
  /** The media type. */
  readonly mediaType: string;
  /** The coding of the bytes, null for none. */
  readonly coding: Coding | null;
  /** Whether there are others, with other codings. */
  readonly varies: boolean;
  /** How many bytes there are. */
  readonly size: number;
  /** What is sent with all files. */
  readonly common: CommonHeaders;
}

/** What an answer that lies ready takes beside its bytes, roughly. */
const HEAD_BYTES = 1_024;
/** A time of 0 or 1 second is what image builders write for "no time". */
const NO_TIME = 1_000;

/** One version of a file in one coding, and what is sent of it. */
export class Representation implements Validators, Shelved {
  readonly source: Found;
  readonly headers: HeaderFields;
  readonly etag: string | null;
  readonly lastModified: number | null;
  readonly size: number;
  readonly weight: number;
  isUsed = false;
  /** The answer to a request without conditions, while it is held in memory. */
  whole: PreparedResponse | null = null;
  #notModified: PreparedResponse | null = null;
  readonly #init: RepresentationInit;

  constructor(init: RepresentationInit) {
    const { source, coding, common } = init;
    const { size, modified } = source.version;
    this.#init = init;
    this.source = source;
    this.size = init.size;
    this.weight = HEAD_BYTES + init.size;
    this.etag = modified > NO_TIME ? entityTag(size, modified, coding) : null;
    // RFC 9110 section 8.8.2.1: never later than Date
    this.lastModified = modified > NO_TIME
      ? Math.floor(Math.min(modified, Date.now()) / 1000) * 1000
      : null;
    this.headers = withExtra(this.#ownHeaders(), common.extra);
  }

  /** Makes the answer with all of its bytes, to be held in memory. */
  hold(bytes: Uint8Array): PreparedResponse {
    return this.whole = new PreparedResponse({
      status: 200,
      headers: this.headers,
      body: bytes,
    });
  }

  drop(): void {
    this.whole = null;
  }

  /** The same file in another version, as its open handle shows it. */
  reopened(version: Version): Representation {
    const source = { ...this.source, version };
    return new Representation({ ...this.#init, source, size: version.size });
  }

  /**
   * The answer when the client has this version: of the fields those that RFC
   * 9110 section 15.4.5 names.
   */
  get notModified(): PreparedResponse {
    return this.#notModified ??= new PreparedResponse({
      status: 304,
      headers: this.#cacheHeaders(),
      body: new Uint8Array(0),
    });
  }

  #ownHeaders(): HeaderFields {
    const { mediaType, coding } = this.#init;
    const headers = new HeaderFields({ "Content-Type": mediaType });
    if (coding !== null) headers.append("Content-Encoding", coding);
    if (this.lastModified !== null) {
      headers.append("Last-Modified", writeHttpDate(this.lastModified));
    }
    headers.append("Accept-Ranges", "bytes");
    headers.append("X-Content-Type-Options", "nosniff");
    for (const [name, value] of this.#cacheHeaders()) {
      headers.set(name, value);
    }
    return headers;
  }

  #cacheHeaders(): HeaderFields {
    const { varies, common } = this.#init;
    const headers = new HeaderFields({ "Cache-Control": common.cacheControl });
    if (this.etag !== null) headers.append("ETag", this.etag);
    if (varies) headers.append("Vary", "Accept-Encoding");
    return withExtra(headers, common.extra);
  }
}

/**
 * A strong tag; the same bytes in another coding are another representation
 * (RFC 9110 section 8.8.3.3).
 */
function entityTag(size: number, time: number, coding: Coding | null): string {
  const tag = `${size.toString(36)}-${time.toString(36)}`;
  return coding === null ? `"${tag}"` : `"${tag}-${coding}"`;
}

/** Adds fields in place of those of the same name. */
export function withExtra(
  headers: HeaderFields,
  extra: HeaderFields,
): HeaderFields {
  for (const [name] of extra) headers.delete(name);
  for (const [name, value] of extra) headers.append(name, value);
  return headers;
}
