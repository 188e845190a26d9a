// From a request to a response with a file, in one line: the path is resolved
// to a cache entry, which gives the representation that the client prefers, of
// which the conditions and the range of the request select what is sent.

import { HeaderFields } from "../../message/mod.ts";
import { HttpError } from "../_http_error.ts";
import type { HttpRequest } from "../http_request.ts";
import {
  type FileReader,
  type HttpResponse,
  plainResponse,
} from "../http_response.ts";
import { type CacheEntry, FileCache } from "./cache.ts";
import { selectPart } from "./conditional.ts";
import { acceptedCodings, type Coding } from "./content_coding.ts";
import {
  type FileEntry,
  type FileSystem,
  isSameStat,
  orNull,
} from "./file_system.ts";
import { FileGoneError, OpenFiles } from "./open_file.ts";
import {
  type CommonFields,
  type Representation,
  withExtra,
} from "./representation.ts";
import type { PathResolver, Resolution } from "./resolve.ts";

/** Lists a directory; rejects with an {@linkcode HttpError} if it cannot. */
export type ListDirectory = (
  request: HttpRequest,
  directory: FileEntry,
) => Promise<HttpResponse>;

/** Told one decision about a request: which one, and what was found. */
export type Explain = (step: string, finding: string) => void;

/** Options of {@linkcode FileServer}. */
export interface FileServerOptions {
  /** What files are sent with. */
  readonly common: CommonFields;
  /** How long what was found is trusted, by the time of requests. */
  readonly ttl: number;
  readonly listDirectory: ListDirectory;
  /** Told each decision about a request. */
  readonly explain: Explain | null;
}

/** A response at once, wherever nothing has to be waited for. */
type Eventual<Value> = Value | Promise<Value>;

/** How often a file may be swapped for another one while it is being opened. */
const MAX_TRIES = 4;
/** How many different Accept-Encoding fields are remembered. */
const MAX_ACCEPTED = 256;
/** Sent with a 404, if there is one in the root. */
const MISSING_PAGE = "404.html";
/**
 * The methods of RFC 9110 section 9 and RFC 5789 that make no sense for files.
 */
const OTHER_METHODS_REGEXP = /^(?:OPTIONS|POST|PUT|PATCH|DELETE|TRACE)$/;

/** Serves files. */
export class FileServer {
  readonly #fileSystem: FileSystem;
  readonly #resolver: PathResolver;
  readonly #cache: FileCache;
  readonly #options: FileServerOptions;
  readonly #files = new OpenFiles();
  readonly #accepted = new Map<string, readonly Coding[]>();

  constructor(
    fileSystem: FileSystem,
    resolver: PathResolver,
    options: FileServerOptions,
  ) {
    this.#fileSystem = fileSystem;
    this.#resolver = resolver;
    this.#cache = new FileCache(fileSystem, options);
    this.#options = options;
  }

  /** Handles a request. */
  handle(request: HttpRequest, tries = 1): Eventual<HttpResponse> {
    try {
      const response = this.#respond(request, tries);
      return response instanceof Promise
        ? response.catch((error) => this.#recover(error, request, tries))
        : response;
    } catch (error) {
      return this.#recover(error, request, tries);
    }
  }

  #respond(request: HttpRequest, tries: number): Eventual<HttpResponse> {
    const { method, path, time } = request;
    if (method !== "GET" && method !== "HEAD") {
      return OTHER_METHODS_REGEXP.test(method)
        ? this.#plain(405, { Allow: "GET, HEAD" })
        : this.#plain(501);
    }
    const cached = tries === 1 && this.#options.explain === null
      ? this.#cache.get(path, time)
      : null;
    if (cached !== null) return this.#serve(request, cached);
    const found = this.#resolve(path);
    switch (found.kind) {
      case "redirect":
        return this.#redirect(request, found.path);
      case "directory":
        return this.#list(request, found.directory);
      case "file":
        return this.#serve(request, this.#cache.load(path, found, time));
    }
  }

  #resolve(path: string): Resolution {
    const { explain } = this.#options;
    explain?.("path", path);
    try {
      const found = this.#resolver.resolve(path);
      explain?.("leads to", describe(found));
      return found;
    } catch (error) {
      if (error instanceof HttpError) explain?.("leads to", "nothing served");
      throw error;
    }
  }

  /** Serves a file in the coding that the client prefers. */
  #serve(request: HttpRequest, entry: CacheEntry): Eventual<HttpResponse> {
    const { headers } = request;
    const accepted = entry.identity.varies
      ? headers.get("accept-encoding")
      : null;
    const chosen = accepted === null
      ? entry.identity
      : this.#cache.choose(entry, this.#acceptedCodings(accepted));
    return chosen instanceof Promise
      ? chosen.then((coded) => this.#sendChosen(headers, entry, coded))
      : this.#sendChosen(headers, entry, chosen);
  }

  #sendChosen(
    headers: HeaderFields,
    entry: CacheEntry,
    representation: Representation,
  ): HttpResponse {
    const { explain } = this.#options;
    if (explain !== null) explainPart(explain, headers, representation);
    return this.#send(headers, entry, representation);
  }

  /** Clients say the same again and again. */
  #acceptedCodings(value: string): readonly Coding[] {
    let codings = this.#accepted.get(value);
    if (codings === undefined) {
      codings = acceptedCodings(value);
      if (this.#accepted.size >= MAX_ACCEPTED) this.#accepted.clear();
      this.#accepted.set(value, codings);
    }
    return codings;
  }

  /**
   * Sends of a representation what the request is about.
   *
   * @param reader The file, if it is open; whatever is sent of it, it is of the
   *   version that is open, which may be newer than what was known.
   */
  #send(
    headers: HeaderFields,
    entry: CacheEntry,
    representation: Representation,
    reader: FileReader | null = null,
  ): HttpResponse {
    const { status, range } = selectPart(headers, representation);
    if (status !== 200 && status !== 206) {
      reader?.close();
      return this.#sendNothing(status, representation);
    }
    if (reader !== null) return representation.respond(range, reader);
    if (range === null) {
      const whole = this.#cache.whole(entry, representation);
      if (whole !== null) return whole;
    }
    const { whole, source } = representation;
    if (whole !== null) return representation.respond(range, whole.body);
    const open = this.#files.open(source);
    const current = isSameStat(open.stat, source.stat)
      ? representation
      : representation.reopened(open.stat);
    return this.#send(headers, entry, current, open.reader);
  }

  #sendNothing(
    status: 304 | 412 | 416,
    representation: Representation,
  ): HttpResponse {
    if (status === 304) return representation.notModified;
    return status === 412
      ? this.#plain(412)
      : this.#plain(416, { "Content-Range": `bytes */${representation.size}` });
  }

  async #list(
    request: HttpRequest,
    directory: FileEntry,
  ): Promise<HttpResponse> {
    const { listDirectory, common } = this.#options;
    const response = await listDirectory(request, directory);
    const headers = new HeaderFields(response.headers);
    headers.append("Cache-Control", common.cacheControl);
    return { ...response, headers: withExtra(headers, common.extra) };
  }

  #redirect({ params }: HttpRequest, path: string): HttpResponse {
    return this.#plain(301, {
      "Location": params === null ? path : `${path}?${params}`,
      "Cache-Control": this.#options.common.cacheControl,
    });
  }

  /** What was found and now is gone may have been replaced: it looks again. */
  #recover(
    error: unknown,
    request: HttpRequest,
    tries: number,
  ): Eventual<HttpResponse> {
    if (error instanceof FileGoneError && tries < MAX_TRIES) {
      return this.handle(request, tries + 1);
    }
    if (!(error instanceof HttpError)) throw error;
    const { status, headers } = error;
    const page = status === 404 ? this.#missingPage(request.time) : null;
    return page ?? this.#plain(status, headers);
  }

  /** The site's own page for missing files, if it has one. */
  #missingPage(time: number): HttpResponse | null {
    const file = this.#fileSystem.findFile([MISSING_PAGE]);
    if (file === null) return null;
    const found = { kind: "file", file, key: MISSING_PAGE } as const;
    return orNull(() => {
      const entry = this.#cache.load(MISSING_PAGE, found, time);
      const page = this.#send(new HeaderFields(), entry, entry.identity);
      const headers = new HeaderFields(page.headers);
      for (const name of ["ETag", "Last-Modified", "Accept-Ranges"]) {
        headers.delete(name);
      }
      return { ...page, status: 404, headers };
    });
  }

  /** A response without a file. */
  #plain(
    status: number,
    fields: Readonly<Record<string, string>> = {},
  ): HttpResponse {
    const response = plainResponse(status, fields);
    const headers = new HeaderFields(response.headers);
    const { extra } = this.#options.common;
    return { ...response, headers: withExtra(headers, extra) };
  }
}

/** What a path leads to, in words. */
function describe(found: Resolution): string {
  if (found.kind === "redirect") return `path ${found.path}`;
  const { kind, path } = found.kind === "file" ? found.file : found.directory;
  return `${kind} ${JSON.stringify(path)}`;
}

/** Tells what of a file is sent, and why. */
function explainPart(
  explain: Explain,
  headers: HeaderFields,
  representation: Representation,
): void {
  const { etag, size, headers: fields } = representation;
  explain("type", fields.get("content-type") ?? "none");
  explain("coding", fields.get("content-encoding") ?? "none");
  const date = fields.get("last-modified");
  explain("validators", `${etag ?? "no tag"}, ${date ?? "no date"}`);
  const { status, range } = selectPart(headers, representation);
  if (range !== null) {
    explain("part", `${range.length} of ${size} bytes from ${range.start} on`);
  } else explain("part", status === 200 ? "whole" : `none: ${status}`);
}
