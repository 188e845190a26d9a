import { checkOptions } from "../message/_options.ts";
import { HeaderFields, type HeaderFieldsInit } from "../message/mod.ts";
import { Lister } from "./_listing/lister.ts";
import { FileServer } from "./_files/file_server.ts";
import { FileSystem } from "./_files/file_system.ts";
import { parseRequestPath, PathResolver } from "./_files/resolve.ts";
import type { Handler } from "./handler.ts";
import { withHeaders } from "./wrappers.ts";
import type { HttpRequest } from "./http_request.ts";

/** How old `HttpRequest.time` may be, in milliseconds. */
const CLOCK_LAG = 200;

/**
 * Options of {@linkcode serveDir}.
 *
 * @example A build with hashed names
 * ```ts
 * import { get, serve, serveDir, type ServeDirOptions } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/app-3f2a9c1b.js`, "");
 * const options: ServeDirOptions = { maxAge: 3600, showDirListing: false };
 * await using server = serve(serveDir(root, options), { port: 0 });
 *
 * const script = await get(server.url + "app-3f2a9c1b.js");
 * const caching = script.headers.get("cache-control");
 * assertEquals(caching, "max-age=3600, immutable");
 * assertEquals((await get(server.url)).status, 404);
 * await Deno.remove(root, { recursive: true });
 * ```
 *
 * @category Serve
 */
export interface ServeDirOptions {
  /**
   * The path in URLs at which the directory appears.
   *
   * @default {"/"}
   */
  readonly urlRoot?: string;
  /**
   * Whether a directory without `index.html` is served as a list of its files.
   *
   * @default {true}
   */
  readonly showDirListing?: boolean;
  /**
   * Whether files and directories whose names start with a dot are served, with
   * all that they contain. `.well-known` always is.
   *
   * @default {false}
   */
  readonly showDotfiles?: boolean;
  /**
   * Whether a directory is served as its `index.html`, if it has one.
   *
   * @default {true}
   */
  readonly showIndex?: boolean;
  /**
   * Whether symbolic links may lead out of the directory. Those that stay
   * inside are always followed.
   *
   * @default {false}
   */
  readonly followSymlinks?: boolean;
  /**
   * Whether `page.html` is served at `/page` if there is no `page`.
   *
   * @default {false}
   */
  readonly cleanUrls?: boolean;
  /**
   * The file, as a path in the directory, that is served for each missing path
   * without an extension.
   */
  readonly fallback?: string;
  /**
   * How long clients may use a file without revalidating it, in seconds. By
   * default they revalidate it each time, as they always do with HTML. A file
   * with a hash in its name, such as `app-3f2a9c1b.js`, is also `immutable`.
   */
  readonly maxAge?: number;
  /**
   * Media types by extension, such as `{ glb: "model/gltf-binary" }`. They take
   * precedence over the built-in ones.
   */
  readonly types?: Readonly<Record<string, string>>;
  /**
   * The paths of files that are never served, wherever they are and whatever
   * link leads to them, such as keys and passwords.
   *
   * @default {[]}
   */
  readonly withheld?: readonly string[];
  /** Header fields for all responses, added as `withHeaders` does. */
  readonly headers?: HeaderFieldsInit;
  /**
   * How long the result of looking up a path is trusted, in milliseconds; 0
   * asks the file system at each request. By default it is asked at each
   * request up to about 2,000 times a second; under more load, results are
   * trusted for a second.
   */
  readonly cacheTtl?: number;
  /**
   * How many bytes of files are held in memory, each file up to 64 KiB. Files
   * that do not fit are read for each request, which takes about three times as
   * long.
   *
   * @default {67108864}
   */
  readonly cacheSize?: number;
}

/**
 * Makes a handler that serves the files of a directory, or one file, to GET and
 * HEAD.
 *
 * A file is served only if it is a regular file, and its path without symbolic
 * links lies in the directory. Preconditions and single ranges are supported
 * (RFC 9110 sections 13 and 14). Text is sent compressed to clients that prefer
 * it: from `page.html.br`, `.zst` or `.gz` beside `page.html`, or with gzip on
 * the fly. `404.html` in the directory is the page for missing files.
 *
 * @param root The path of the directory or file.
 * @param options What is served, and how.
 * @returns The handler.
 * @throws {Deno.errors.NotFound} If nothing exists at the path, or at one of
 *   `withheld`.
 * @throws {TypeError} If it is neither a directory nor a file, or if an option
 *   that is a path makes no sense.
 * @throws {RangeError} If a number is not a whole one from 0 on.
 *
 * @example Usage
 * ```ts
 * import { serve, serveDir } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(serveDir("."), { port: 0 });
 *
 * const response = await fetch(new URL("/deno.json", server.url));
 * assertEquals(response.headers.get("content-type"), "application/json");
 * await response.body?.cancel();
 * ```
 *
 * @category Serve
 */
export function serveDir(root: string, options: ServeDirOptions = {}): Handler {
  const { headers, types = {}, maxAge = null, cacheTtl = null } = options;
  const { cacheSize = 67_108_864, followSymlinks = false } = options;
  checkOptions(options);
  const pathOptions = readPathOptions(root, options);
  const fileSystem = new FileSystem(root, followSymlinks, options.withheld);
  const resolver = new PathResolver(fileSystem, pathOptions);
  const lister = new Lister(resolver);
  const server = new FileServer(resolver, {
    common: { maxAge, types: byExtension(types) },
    maxBytes: cacheSize,
    ttl: cacheTtl === null ? null : cacheTtl - CLOCK_LAG,
    listDirectory: (request, directory) => lister.list(request, directory),
  });
  const handler = (request: HttpRequest) => {
    const response = server.handle(request);
    return response instanceof Promise || response.status >= 400
      ? lister.showError(request, response)
      : response;
  };
  return headers === undefined ? handler : withHeaders(handler, headers);
}

/** Reads the options on what a path leads to. */
function readPathOptions(root: string, options: ServeDirOptions) {
  const { urlRoot = "/", fallback } = options;
  return {
    singleFile: singleFileOf(root),
    urlRoot: namesOf(urlRoot, "urlRoot"),
    showDirListing: options.showDirListing ?? true,
    showDotfiles: options.showDotfiles ?? false,
    showIndex: options.showIndex ?? true,
    cleanUrls: options.cleanUrls ?? false,
    fallback: fallback === undefined ? null : namesOf(fallback, "fallback"),
  };
}

/** Returns types by extension, in lower case and without the dot. */
function byExtension(types: Readonly<Record<string, string>>) {
  // Throws now, not when such a file is asked for
  new HeaderFields({ "Content-Type": Object.values(types) }).toString();
  return new Map(
    Object.entries(types)
      .map(([name, type]) => [name.replace(/^\./, "").toLowerCase(), type]),
  );
}

/** Returns the name of the root if it is a file, null for a directory. */
function singleFileOf(root: string): string | null {
  const info = Deno.statSync(root);
  if (info.isDirectory) return null;
  if (info.isFile) return root.split(/[\\/]/).at(-1)!;
  const act = `Cannot serve ${JSON.stringify(root)}`;
  throw new TypeError(`${act}: neither a directory nor a file`);
}

/** Splits an option that is a path; slashes around it make no difference. */
function namesOf(path: string, option: string): readonly string[] {
  const names = parseRequestPath(`/${encodeURI(path)}`)?.names;
  if (names !== undefined) return names;
  const state = `${option} ${JSON.stringify(path)} is not a path`;
  throw new TypeError(`Cannot serve: ${state}`);
}
