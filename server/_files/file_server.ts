// From a request to a response with a file, in one line: the path is resolved
// to a cache entry, which gives the representation that the client prefers, of
// which the conditions and the range of the request select what is sent.

import { HeaderFields } from "../../message/mod.ts";
import type { HttpRequest } from "../http_request.ts";
import {
  type FileReader,
  type HttpResponse,
  plainResponse,
} from "../http_response.ts";
import type { CacheEntry, FileCache } from "./cache.ts";
import { type Selection, selectPart } from "./conditional.ts";
import { acceptedCodings, type Coding } from "./content_coding.ts";
import { HttpError } from "../_http_error.ts";
import { type FileEntry, type FileSystem, isSameStat } from "./file_system.ts";
import { FileGoneError, OpenFiles } from "./open_file.ts";
import { canonicalPath } from "./path.ts";
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

/** What a file server works with. */
export interface FileServerOptions {
  readonly fileSystem: FileSystem;
  readonly resolver: PathResolver;
  readonly cache: FileCache;
  /** What files are sent with. */
  readonly common: CommonFields;
  readonly listDirectory: ListDirectory;
  /** Told each decision about a request. */
  readonly explain: Explain | null;
}

/** A response at once, wherever nothing has to be waited for. */
type Eventual<Value> = Value | Promise<Value>;

/** How many ways to say which codings are accepted are remembered. */
const MAX_ACCEPTED = 256;
/** And how long they may be. */
const MAX_ACCEPTED_LENGTH = 256;
/** How often a file may be swapped for another one while it is being opened. */
const MAX_TRIES = 4;
/** Sent with a 404, if there is one in the root. */
const MISSING_PAGE = "404.html";
/**
 * The methods of RFC 9110 section 9 and RFC 5789 that make no sense for files.
 */
const OTHER_METHODS = new Set([
  "OPTIONS",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "TRACE",
]);

/** Serves files. */
export class FileServer {
  readonly #options: FileServerOptions;
  readonly #files = new OpenFiles();
  readonly #accepted = new Map<string, readonly Coding[]>();

  constructor(options: FileServerOptions) {
    this.#options = options;
  }

  /** Handles a request. */
  handle(request: HttpRequest, tries = MAX_TRIES): Eventual<HttpResponse> {
    try {
      const response = this.#respond(request);
      return response instanceof Promise
        ? response.catch((error) => this.#recover(error, request, tries))
        : response;
    } catch (error) {
      return this.#recover(error, request, tries);
    }
  }

  #respond(request: HttpRequest): Eventual<HttpResponse> {
    const { method, path, time } = request;
    const { cache, explain } = this.#options;
    if (method !== "GET" && method !== "HEAD") {
      return OTHER_METHODS.has(method)
        ? this.#plain(405, { Allow: "GET, HEAD" })
        : this.#plain(501);
    }
    explain?.("path", path);
    const cached = this.#findCached(path, time);
    if (cached !== null) return this.#serve(request, cached);
    const found = this.#resolve(path);
    switch (found.kind) {
      case "redirect":
        return this.#redirect(request, found.path);
      case "directory":
        return this.#list(request, found.directory);
      case "file":
        return this.#serve(request, cache.load(found, time));
    }
  }

  /** Files are cached by their canonical path, which is what most ask for. */
  #findCached(path: string, time: number): CacheEntry | null {
    const { cache } = this.#options;
    const entry = cache.get(path, time);
    if (entry !== null) return entry;
    const canonical = canonicalPath(path);
    return canonical === null || canonical === path
      ? null
      : cache.get(canonical, time);
  }

  #resolve(path: string): Resolution {
    const { resolver, explain } = this.#options;
    try {
      return resolver.resolve(path);
    } catch (error) {
      if (error instanceof HttpError) explain?.("leads to", "nothing served");
      throw error;
    }
  }

  /** Serves a file in the coding that the client prefers. */
  #serve(request: HttpRequest, entry: CacheEntry): Eventual<HttpResponse> {
    const { cache, explain } = this.#options;
    explain?.("leads to", `file ${JSON.stringify(entry.files[0].path)}`);
    const accepted = entry.varies
      ? request.headers.get("accept-encoding")
      : null;
    if (accepted === null) return this.#send(request, entry, entry.identity);
    const chosen = cache.choose(entry, this.#acceptedCodings(accepted));
    return chosen instanceof Promise
      ? chosen.then((coded) => this.#send(request, entry, coded))
      : this.#send(request, entry, chosen);
  }

  /** Sends of a representation what the request is about. */
  #send(
    { headers }: HttpRequest,
    entry: CacheEntry,
    representation: Representation,
  ): HttpResponse {
    const { cache, explain } = this.#options;
    const selection = selectPart(headers, representation);
    if (explain !== null) explainFile(explain, representation, selection);
    const { status, range } = selection;
    if (status !== 200 && status !== 206) {
      return this.#sendNothing(status, representation);
    }
    if (range === null) {
      const whole = cache.whole(entry, representation);
      if (whole !== null) return whole;
    }
    const { whole, source } = representation;
    if (whole !== null) return representation.respond(range, whole.body);
    const { reader, stat } = this.#open(entry, representation);
    return isSameStat(stat, source.stat)
      ? representation.respond(range, reader)
      : this.#sendOpen(headers, representation.reopened(stat), reader);
  }

  #open(entry: CacheEntry, representation: Representation) {
    try {
      return this.#files.open(representation.source);
    } catch (error) {
      this.#options.cache.delete(entry); // its path is to be resolved anew
      throw error;
    }
  }

  /** Goes by what is open, where that is newer than what was known. */
  #sendOpen(
    headers: HeaderFields,
    representation: Representation,
    reader: FileReader,
  ): HttpResponse {
    const { status, range } = selectPart(headers, representation);
    if (status === 200 || status === 206) {
      return representation.respond(range, reader);
    }
    reader.close();
    return this.#sendNothing(status, representation);
  }

  #sendNothing(
    status: 304 | 412 | 416,
    { size, notModified }: Representation,
  ): HttpResponse {
    if (status === 304) return notModified;
    return status === 416
      ? this.#plain(416, { "Content-Range": `bytes */${size}` })
      : this.#plain(status);
  }

  /** Clients say the same again and again. */
  #acceptedCodings(value: string): readonly Coding[] {
    const known = this.#accepted.get(value);
    if (known !== undefined) return known;
    const codings = acceptedCodings(value);
    if (value.length <= MAX_ACCEPTED_LENGTH) {
      if (this.#accepted.size >= MAX_ACCEPTED) this.#accepted.clear();
      this.#accepted.set(value, codings);
    }
    return codings;
  }

  async #list(
    request: HttpRequest,
    directory: FileEntry,
  ): Promise<HttpResponse> {
    const { listDirectory, common, explain } = this.#options;
    explain?.("leads to", `directory ${JSON.stringify(directory.path)}`);
    const response = await listDirectory(request, directory);
    const headers = new HeaderFields(response.headers);
    headers.append("Cache-Control", common.cacheControl);
    return { ...response, headers: withExtra(headers, common.extra) };
  }

  #redirect({ params }: HttpRequest, path: string): HttpResponse {
    const { common, explain } = this.#options;
    explain?.("leads to", `path ${path}`);
    return this.#plain(301, {
      "Location": params === null ? path : `${path}?${params}`,
      "Cache-Control": common.cacheControl,
    });
  }

  /** What was found and now is gone may have been replaced: it looks again. */
  #recover(
    error: unknown,
    request: HttpRequest,
    tries: number,
  ): Eventual<HttpResponse> {
    if (error instanceof FileGoneError && tries > 1) {
      return this.handle(request, tries - 1);
    }
    if (!(error instanceof HttpError)) throw error;
    const { status, headers } = error;
    const page = status === 404 ? this.#missingPage(request) : null;
    return page ?? this.#plain(status, headers);
  }

  /** The site's own page for missing files, if it has one. */
  #missingPage({ time }: HttpRequest): HttpResponse | null {
    const { fileSystem, cache } = this.#options;
    const file = fileSystem.findFile([MISSING_PAGE]);
    if (file === null) return null;
    const found = { kind: "file", file, key: MISSING_PAGE } as const;
    try {
      const entry = cache.load({ ...found, isDirect: false }, time);
      const headers = new HeaderFields(entry.identity.headers);
      for (const name of ["ETag", "Last-Modified", "Accept-Ranges"]) {
        headers.delete(name);
      }
      const whole = cache.whole(entry, entry.identity);
      if (whole !== null) return { status: 404, headers, body: whole.body };
      const { reader, stat } = this.#open(entry, entry.identity);
      const body = { file: reader, start: 0, length: stat.size };
      return { status: 404, headers, body };
    } catch (error) {
      if (error instanceof HttpError) return null;
      throw error;
    }
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

/** Tells what of a file is sent, and why. */
function explainFile(
  explain: Explain,
  { etag, size, headers }: Representation,
  { status, range }: Selection,
): void {
  explain("type", headers.get("content-type") ?? "none");
  explain("coding", headers.get("content-encoding") ?? "none");
  const date = headers.get("last-modified");
  explain("validators", `${etag ?? "no tag"}, ${date ?? "no date"}`);
  if (range !== null) {
    explain("part", `${range.length} of ${size} bytes from ${range.start} on`);
  } else explain("part", status === 200 ? "whole" : `none: ${status}`);
}
