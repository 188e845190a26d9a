// A representation (RFC 9110 section 3.2) is what is sent for a file: one
// version of it, in one coding, with its metadata.

import {
  HeaderFields,
  parseQualityValues,
  qualityOf,
  writeHttpDate,
} from "../../message/mod.ts";
import { PreparedResponse } from "../_prepared_response.ts";
import type { FileReader, HttpResponse } from "../http_response.ts";
import type { ByteRange, Validators } from "./conditional.ts";
import type { FileEntry } from "./file_system.ts";

/** The content codings that files are sent in, the smallest result first. */
export const CODINGS = ["br", "zstd", "gzip"] as const;

/** One of {@linkcode CODINGS}. */
export type Coding = typeof CODINGS[number];

/**
 * Parses which codings a client prefers (RFC 9110 section 12.5.3).
 *
 * @param acceptEncoding The field value.
 * @returns The codings whose quality is at least that of `identity`, best
 *   first.
 */
export function acceptedCodings(acceptEncoding: string): readonly Coding[] {
  // RFC 9110 section 8.4.1.3
  const names = acceptEncoding.replaceAll(/x-gzip/gi, "gzip");
  const values = parseQualityValues(names);
  const identity = qualityOf(values, "identity") ?? 0;
  const quality = (coding: Coding) => qualityOf(values, coding) ?? 0;
  return CODINGS
    .filter((coding) => quality(coding) > 0 && quality(coding) >= identity)
    .sort((a, b) => quality(b) - quality(a));
}

/** The options for the header fields of all files. */
export interface CommonFields {
  /** How many seconds clients may use a file; null to revalidate each time. */
  readonly maxAge: number | null;
  /** Media types by extension, which take precedence. */
  readonly types: ReadonlyMap<string, string>;
}

/** What a representation is made of. */
export interface RepresentationInit {
  /** The file with the bytes, with stat results from an open handle. */
  readonly source: FileEntry;
  /** The media type. */
  readonly mediaType: string;
  /** The coding of the bytes, null for none. */
  readonly coding: Coding | null;
  /**
   * How often it was seen to change but keep its size and time; null if
   * unknown, so that its versions cannot be told apart.
   */
  readonly retouches: number | null;
  /** The Cache-Control field. */
  readonly cacheControl: string;
  /** Whether the file also has representations in other codings. */
  readonly varies: boolean;
  /** The number of bytes, if it is not the size of the file. */
  readonly size?: number;
}

/**
 * Earlier times mean "no time". So that a build can be repeated, tools write
 * the same one for all versions: 0 and 1 (Nix), 1980 (zip), 26 October 1985
 * (npm).
 */
const FIRST_TIME = Date.UTC(1986);

/** The largest part that is prepared, in bytes, to be sent many times. */
const MAX_PREPARED_PART = 4_096;

/** One version of a file in one coding, and the responses with it. */
export class Representation implements Validators {
  /** What it is made of. */
  readonly init: RepresentationInit;
  readonly size: number;
  readonly etag: string | null;
  readonly lastModified: number | null;
  /** The header fields of a response with all bytes. */
  readonly headers: HeaderFields;
  /** The response with all bytes, while they are held in memory. */
  whole: PreparedResponse | null = null;
  #notModified: PreparedResponse | null = null;

  constructor(init: RepresentationInit) {
    const { source, coding, retouches } = init;
    const { size, modified, changed } = source.stat;
    this.init = init;
    this.size = init.size ?? size;
    const isIdentified = modified >= FIRST_TIME && retouches !== null;
    const version = retouches ? [modified, changed, retouches] : [modified];
    this.etag = isIdentified ? entityTag([size, ...version], coding) : null;
    // RFC 9110 section 8.8.2.1: never later than Date
    const time = Math.min(retouches ? changed : modified, Date.now());
    this.lastModified = isIdentified ? Math.floor(time / 1000) * 1000 : null;
    this.headers = this.#makeFields("whole");
  }

  /** Holds all bytes in memory, as a response that is ready to be sent. */
  hold(body: Uint8Array): PreparedResponse {
    const { headers } = this;
    return this.whole = new PreparedResponse({ status: 200, headers, body });
  }

  /**
   * The response for a client that has this version, with the fields that RFC
   * 9110 section 15.4.5 names.
   */
  get notModified(): PreparedResponse {
    return this.#notModified ??= new PreparedResponse({
      status: 304,
      headers: this.#makeFields("not modified"),
      body: new Uint8Array(0),
    });
  }

  /** Makes a response with bytes from memory, or from an open file. */
  respond(
    range: ByteRange | null,
    content: Uint8Array | FileReader,
  ): HttpResponse {
    const { start, length } = range ?? { start: 0, length: this.size };
    // A copy: whoever gets the response may change its fields
    const headers = new HeaderFields(this.headers);
    const status = range === null ? 200 : 206;
    if (range !== null) {
      const last = start + length - 1;
      headers.append("Content-Range", `bytes ${start}-${last}/${this.size}`);
    }
    if (!(content instanceof Uint8Array)) {
      return { status, headers, body: { file: content, start, length } };
    }
    const body = content.subarray(start, start + length);
    return length > MAX_PREPARED_PART
      ? { status, headers, body }
      : new PreparedResponse({ status, headers, body });
  }

  /** Makes a copy with changes: another coding, or version of the file. */
  copyWith(changes: Partial<RepresentationInit>): Representation {
    return new Representation({ ...this.init, ...changes });
  }

  #makeFields(purpose: "whole" | "not modified"): HeaderFields {
    const { mediaType, coding, cacheControl, varies } = this.init;
    const headers = new HeaderFields();
    if (purpose === "whole") {
      headers.append("Content-Type", mediaType);
      if (coding !== null) headers.append("Content-Encoding", coding);
      if (this.lastModified !== null) {
        headers.append("Last-Modified", writeHttpDate(this.lastModified));
      }
      headers.append("Accept-Ranges", "bytes");
      headers.append("X-Content-Type-Options", "nosniff");
    }
    headers.append("Cache-Control", cacheControl);
    if (this.etag !== null) headers.append("ETag", this.etag);
    if (varies) headers.append("Vary", "Accept-Encoding");
    return headers;
  }
}

/**
 * Makes a strong tag. The same file in another coding is another representation
 * (RFC 9110 section 8.8.3.3).
 */
function entityTag(version: readonly number[], coding: Coding | null): string {
  const tag = version.map((part) => part.toString(36)).join("-");
  return coding === null ? `"${tag}"` : `"${tag}-${coding}"`;
}
