// From a request to a response with a file: the path leads to a cache entry,
// the client's preferences select a representation of it, and the preconditions
// and the range select what is sent of that.

import { HeaderFields } from "../../message/mod.ts";
import { type HttpResponse, plainResponse } from "../http_response.ts";
import { PreparedResponse } from "../_prepared_response.ts";
import { warn } from "../_line_writer.ts";
import type { HttpRequest } from "../http_request.ts";
import { FileCache, type FileCacheOptions } from "./cache.ts";
import type { CacheEntry } from "./cache_entry.ts";
import { type FileRequest, selectPart } from "./conditional.ts";
import { isSameStat, isSetBack } from "./file_stat.ts";
import { type FileEntry, orNull, toHttpError } from "./file_system.ts";
import { OpenFiles } from "./open_file.ts";
import { acceptedCodings, type Representation } from "./representation.ts";
import { describeResolution, type PathResolver } from "./resolve.ts";

/** Options of {@linkcode FileServer}. */
export interface FileServerOptions extends FileCacheOptions {
  /** Lists a directory; rejects with the error of the system if that fails. */
  listDirectory(
    request: HttpRequest,
    directory: FileEntry,
  ): Promise<HttpResponse>;
}

/** A value at once, or a promise if something has to be waited for. */
type Eventual<Value> = Value | Promise<Value>;

/** A request for a whole file. */
const WHOLE = { method: "GET", headers: new HeaderFields(), decide: undefined };
/** How often a request is tried if its file is swapped while it is opened. */
const MAX_ATTEMPTS = 4;
/** How long no second warning is printed, in milliseconds. */
const WARNING_INTERVAL = 1_000;
/** What a path has to be, as text for the client. */
const EXPECTED_PATH = "a path in UTF-8, percent-encoded, without NUL";
/** The page that is sent with a 404, if the root has one. */
const MISSING_PAGE = "404.html";
/**
 * The methods of RFC 9110 section 9 and RFC 5789 that files do not have: they
 * get a 405, all others a 501.
 */
const OTHER_METHODS_REGEXP = /^(?:OPTIONS|POST|PUT|PATCH|DELETE|TRACE)$/;

/** Serves files. */
export class FileServer {
  readonly #resolver: PathResolver;
  readonly #cache: FileCache;
  readonly #options: FileServerOptions;
  readonly #openFiles = new OpenFiles();
  #warnedAt = -Infinity;

  constructor(resolver: PathResolver, options: FileServerOptions) {
    this.#resolver = resolver;
    this.#cache = new FileCache(resolver.fileSystem, options);
    this.#options = options;
  }

  /** Responds to a request; tries again if the file is swapped meanwhile. */
  handle(request: HttpRequest, attempt = 1): Eventual<HttpResponse> {
    try {
      const response = this.#respond(request, attempt);
      return response instanceof Promise
        ? response.catch((error) => this.#recover(error, request, attempt))
        : response;
    } catch (error) {
      return this.#recover(error, request, attempt);
    }
  }

  #respond(request: HttpRequest, attempt: number): Eventual<HttpResponse> {
    const { method, path, time, decide } = request;
    if (method !== "GET" && method !== "HEAD") {
      decide?.("method", "files allow GET and HEAD only");
      return OTHER_METHODS_REGEXP.test(method)
        ? plainResponse(405, { Allow: "GET, HEAD" })
        : plainResponse(501);
    }
    const cached = attempt === 1 ? this.#cache.get(path, time) : null;
    if (cached !== null && decide === undefined) {
      return this.#serve(request, cached);
    }
    const found = this.#resolver.resolve(path);
    decide?.("leads to", describeResolution(found));
    switch (found.kind) {
      case "file": {
        const entry = attempt === 1
          ? this.#cache.load(found, time)
          : this.#cache.read(found, time); // what is known was out of date
        decide?.("cache", entry === cached ? "unchanged" : "read from disk");
        return this.#serve(request, entry);
      }
      case "directory":
        return this.#options.listDirectory(request, found);
      case "redirect":
        return this.#redirect(request, found.path);
      case "nothing":
        return this.#sendError(found.status, request);
    }
  }

  /**
   * Serves a file, with the response that equal fields got, if any. With a
   * trace there is none, because each request is told what was decided.
   */
  #serve(request: HttpRequest, entry: CacheEntry): Eventual<HttpResponse> {
    const { method, headers: { identity }, decide } = request;
    const fields = method === "GET" && decide === undefined ? identity : null;
    const seen = fields === null ? undefined : entry.responses?.get(fields);
    if (seen !== undefined) return seen;
    const chosen = this.#choose(request, entry);
    if (chosen instanceof Promise) {
      return chosen.then((coded) => this.#send(request, entry, coded));
    }
    const response = this.#send(request, entry, chosen ?? entry.identity);
    const isFinal = chosen !== null && response instanceof PreparedResponse;
    if (fields !== null && isFinal) {
      entry.responses ??= new WeakMap();
      entry.responses.set(fields, response);
    }
    return response;
  }

  /**
   * Chooses the coding that the client prefers; null if it may be another one
   * for the next request.
   */
  #choose({ headers, decide }: HttpRequest, entry: CacheEntry) {
    const accepted = headers.get("accept-encoding");
    const { coded, identity } = entry;
    if (accepted === null || !identity.init.varies) return identity;
    let codings = acceptedCodings(accepted);
    // A client that asks for a part means one of the plain file; half of them
    // break on a part of its .gz. Only a client that sends the tag of a coding
    // in If-Range continues a download in that coding
    if (headers.has("range")) {
      decide?.("part", "of the plain file, or of the coding of If-Range");
      const tag = headers.get("if-range") ?? "";
      codings = codings.filter((coding) =>
        tag === (coded.get(coding) ?? identity.copyWith({ coding })).etag
      );
    }
    return this.#cache.choose(entry, codings);
  }

  /** Sends what the request selects of a representation. */
  #send(
    request: FileRequest,
    entry: CacheEntry,
    representation: Representation,
  ): HttpResponse {
    const { headers, decide } = request;
    if (decide !== undefined) {
      const { coding, varies } = representation.init;
      const accepted = headers.get("accept-encoding") ?? "none";
      const why = varies ? `accepted: ${accepted}` : "no other";
      decide("coding", `${coding ?? "none"} (${why})`);
    }
    const part = selectPart(request, representation);
    if (typeof part === "number") return this.#sendStatus(part, representation);
    decide?.("body", representation.whole === null ? "on disk" : "in memory");
    const whole = this.#cache.prepareWhole(entry, representation);
    if (whole === null) return this.#sendFromFile(request, representation);
    return part === null ? whole : representation.respond(part, whole.body);
  }

  /** Sends what is open, which may be newer than what was cached. */
  #sendFromFile(request: FileRequest, representation: Representation) {
    const { source } = representation.init;
    const { reader, stat } = this.#openFiles.open(source);
    const { size, modified } = source.stat;
    // A new size or time identifies this version; otherwise only its bytes do
    const isIdentified = stat.size !== size || stat.modified !== modified;
    const retouches = isIdentified && !isSetBack(stat) ? 0 : null;
    const isSame = isSameStat(stat, source.stat) && !isSetBack(source.stat);
    const current = isSame
      ? representation
      : representation.copyWith({ source: { ...source, stat }, retouches });
    const { method, headers } = request; // it was told of its part already
    const part = selectPart({ method, headers, decide: undefined }, current);
    if (typeof part !== "number") return current.respond(part, reader);
    reader.close();
    return this.#sendStatus(part, current);
  }

  #sendStatus(status: 304 | 412 | 416, representation: Representation) {
    if (status === 304) return representation.notModified;
    if (status === 412) return plainResponse(412);
    const range = `bytes */${representation.size}`;
    return plainResponse(416, { "Content-Range": range });
  }

  #redirect({ params }: HttpRequest, path: string): HttpResponse {
    const to = params === null ? path : `${path}?${params}`;
    return plainResponse(301, { "Location": to, "Cache-Control": "no-cache" });
  }

  /** Handles an error; a file that has vanished may have been replaced. */
  #recover(error: unknown, request: HttpRequest, attempt: number) {
    const { status, message } = toHttpError(error);
    const { time, decide } = request;
    decide?.("file", message);
    if (status === 503 && time - this.#warnedAt >= WARNING_INTERVAL) {
      this.#warnedAt = time;
      warn(message);
    }
    return status === 404 && attempt < MAX_ATTEMPTS
      ? this.handle(request, attempt + 1)
      : this.#sendError(status, request);
  }

  #sendError(status: number, { time, decide }: HttpRequest): HttpResponse {
    const page = status === 404 ? orNull(() => this.#missingPage(time)) : null;
    if (page !== null) decide?.("body", MISSING_PAGE);
    const expected = status === 400 ? EXPECTED_PATH : "";
    const fields: Record<string, string> = { "Cache-Control": "no-cache" };
    if (status === 503) fields["Retry-After"] = "1";
    return page ?? plainResponse(status, fields, expected);
  }

  /** Returns the site's own page for missing files, if it has one. */
  #missingPage(time: number): HttpResponse | null {
    const key = MISSING_PAGE;
    const file = this.#resolver.fileSystem.findFile([key]);
    if (file === null) return null;
    const entry = this.#cache.load({ ...file, key }, time);
    const page = this.#send(WHOLE, entry, entry.identity);
    const headers = new HeaderFields(page.headers);
    for (const name of ["ETag", "Last-Modified", "Accept-Ranges"]) {
      headers.delete(name);
    }
    return { ...page, status: 404, headers };
  }
}
