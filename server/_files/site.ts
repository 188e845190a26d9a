import { HeaderFields } from "../../message/mod.ts";
import type { HttpRequest } from "../http_request.ts";
import { type HttpResponse, plainResponse } from "../http_response.ts";
import { type Coding, wantedCodings } from "./content_coding.ts";
import { type Explain, explainFile, explainPlace } from "./explain.ts";
import { respondWithFile, respondWithPage } from "./file_response.ts";
import { FileStore } from "./file_store.ts";
import type { Absence, FileTree, Found } from "./file_tree.ts";
import type { Locator } from "./locator.ts";
import { isConditional } from "./preconditions.ts";
import {
  type CommonHeaders,
  type Representation,
  withExtra,
} from "./representation.ts";
import { SharedFiles } from "./shared_files.ts";
import type { StoredFile } from "./stored_file.ts";

/**
 * Lists a directory; a number is the status of a response without a list.
 */
export type ListDirectory = (
  request: HttpRequest,
  directory: Found,
) => Promise<HttpResponse | number>;

/** What a site is made of. */
export interface SiteInit {
  /** The files. */
  readonly tree: FileTree;
  /** Which paths lead to them. */
  readonly locator: Locator;
  /** What they are sent with. */
  readonly common: CommonHeaders;
  /** Lists a directory. */
  readonly listDirectory: ListDirectory;
  /** Told each decision about a request. */
  readonly explain: Explain | null;
}

/** An answer at once, wherever nothing has to be waited for. */
export type Answer = HttpResponse | Promise<HttpResponse>;

/** A path that leads to a file. */
interface Known {
  readonly file: StoredFile;
  /** Whether no other file could take its place. */
  readonly isDirect: boolean;
  /** How long that is trusted, by the time of requests. */
  until: number;
}

/** How many paths are remembered, the last ones, and how long they may be. */
const MAX_PATHS = 16_384;
const MAX_PATH_LENGTH = 256;
/**
 * How many ways to say which codings are wanted are remembered, and how long
 * they may be.
 */
const MAX_WISHES = 256;
const MAX_WISH_LENGTH = 256;
/** How often a file may be swapped for another one while it is being opened. */
const MAX_TRIES = 4;
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

/** Answers requests with files. */
export class Site {
  readonly #init: SiteInit;
  readonly #store: FileStore;
  readonly #known = new Map<string, Known>();
  readonly #to = {
    files: new SharedFiles(),
    refuse: (status: number, fields?: Record<string, string>) =>
      this.#refuse(status, fields),
  };
  readonly #wishes = new Map<string, readonly Coding[]>();

  constructor(init: SiteInit) {
    this.#init = init;
    this.#store = new FileStore(
      init.tree,
      init.common,
      (file) => this.#forget(file),
    );
  }

  /** Answers a request. */
  answer(request: HttpRequest): Answer {
    const { method, path } = request;
    if (method !== "GET" && method !== "HEAD") {
      return this.#refuseMethod(method);
    }
    const known = this.#known.get(path);
    if (known !== undefined && this.#isTrusted(known, request)) {
      return this.#answerWithFile(request, known.file, MAX_TRIES);
    }
    return this.#lookUp(request, MAX_TRIES);
  }

  #lookUp(request: HttpRequest, tries: number): Answer {
    const { locator, explain } = this.#init;
    const place = locator.locate(request.path);
    if (explain !== null) explainPlace(explain, request.path, place);
    if (place.kind === "redirect") return this.#redirect(request, place.path);
    if (place.kind === "directory") return this.#list(request, place.found);
    if (place.kind === "absent") {
      return this.#refuseAbsent(request, place.status);
    }
    const file = this.#store.get(place.found, request.time);
    if (typeof file === "number") return this.#retry(request, file, tries);
    this.#remember(request, file, place.isDirect);
    return this.#answerWithFile(request, file, tries);
  }

  /**
   * What is known is trusted for its time, and then for the same time again if
   * nothing has changed.
   */
  #isTrusted(known: Known, { time }: HttpRequest): boolean {
    known.file.isUsed = true;
    if (known.until > time) return true;
    if (!known.isDirect || !this.#store.isCurrent(known.file, time)) {
      return false;
    }
    known.until = time + this.#init.tree.trustedFor;
    return true;
  }

  #remember(request: HttpRequest, file: StoredFile, isDirect: boolean): void {
    const { path, time } = request;
    if (this.#init.explain !== null || path.length > MAX_PATH_LENGTH) return;
    const until = time + this.#init.tree.trustedFor;
    this.#known.set(path, { file, isDirect, until });
    file.paths.add(path);
    if (this.#known.size <= MAX_PATHS) return;
    for (const [oldest, { file }] of this.#known) {
      this.#known.delete(oldest);
      file.paths.delete(oldest);
      break;
    }
  }

  #forget(file: StoredFile): void {
    for (const path of file.paths) this.#known.delete(path);
    file.paths.clear();
  }

  /**
   * A file that was just found and now is not there may have been replaced:
   * then the path leads to another one.
   */
  #retry(request: HttpRequest, status: Absence, tries: number): Answer {
    this.#known.delete(request.path);
    return status === 404 && tries > 1
      ? this.#lookUp(request, tries - 1)
      : this.#refuseAbsent(request, status);
  }

  #answerWithFile(
    request: HttpRequest,
    file: StoredFile,
    tries: number,
  ): Answer {
    const accepted = file.varies
      ? request.headers.get("accept-encoding")
      : null;
    if (accepted === null) return this.#send(request, file.plain, tries);
    const chosen = file.choose(this.#wantedCodings(accepted));
    if (!(chosen instanceof Promise)) return this.#send(request, chosen, tries);
    // What was compressed lies in memory only, and may have had to go already:
    // then there is no file to read it from
    return chosen.then((packed) =>
      this.#send(request, packed.whole === null ? file.plain : packed, tries)
    );
  }

  #send(
    request: HttpRequest,
    representation: Representation,
    tries: number,
  ): Answer {
    const { headers } = request;
    const { explain } = this.#init;
    if (explain !== null) explainFile(explain, headers, representation);
    if (!isConditional(headers)) {
      const whole = this.#store.answer(representation);
      if (whole !== null) return whole;
    }
    const response = respondWithFile(headers, representation, this.#to);
    return typeof response === "number"
      ? this.#retry(request, response, tries)
      : response;
  }

  /** Clients say the same again and again. */
  #wantedCodings(wish: string): readonly Coding[] {
    const known = this.#wishes.get(wish);
    if (known !== undefined) return known;
    const codings = wantedCodings(wish);
    if (wish.length <= MAX_WISH_LENGTH) {
      if (this.#wishes.size >= MAX_WISHES) this.#wishes.clear();
      this.#wishes.set(wish, codings);
    }
    return codings;
  }

  async #list(request: HttpRequest, directory: Found): Promise<HttpResponse> {
    const { listDirectory, common } = this.#init;
    const response = await listDirectory(request, directory);
    if (response === 503) return this.#refuse(503, { "Retry-After": "1" });
    if (typeof response === "number") {
      return this.#refuseAbsent(request, response);
    }
    const headers = new HeaderFields(response.headers);
    headers.append("Cache-Control", common.cacheControl);
    return { ...response, headers: withExtra(headers, common.extra) };
  }

  #refuseMethod(method: string): HttpResponse {
    return OTHER_METHODS.has(method)
      ? this.#refuse(405, { Allow: "GET, HEAD" })
      : this.#refuse(501);
  }

  /**
   * A missing file is answered with the site's own page for that, if it has
   * one.
   */
  #refuseAbsent({ time }: HttpRequest, status: number): HttpResponse {
    const found = status === 404 ? this.#init.tree.find(["404.html"]) : status;
    const file = typeof found === "object" && found.kind === "file"
      ? this.#store.get(found, time)
      : 404;
    const page = typeof file === "object"
      ? respondWithPage(404, file.plain, this.#to.files)
      : 404;
    return typeof page === "object" ? page : this.#refuse(status);
  }

  #redirect(request: HttpRequest, path: string): HttpResponse {
    const params = request.params === null ? "" : `?${request.params}`;
    return this.#refuse(301, {
      "Location": path + params,
      "Cache-Control": this.#init.common.cacheControl,
    });
  }

  /** An answer without a file. */
  #refuse(status: number, fields: Record<string, string> = {}): HttpResponse {
    const response = plainResponse(status, fields);
    const headers = new HeaderFields(response.headers);
    return {
      ...response,
      headers: withExtra(headers, this.#init.common.extra),
    };
  }
}
