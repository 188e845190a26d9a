import {
  attempt,
  CommandError,
  EXIT,
  ifExists,
  readText,
  usageError,
} from "../../command/errors.ts";
import { withoutUndefined } from "../../command/flags.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import { octetsToText } from "../../message/_octets.ts";
import type { Credentials } from "../../message/field_values.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import type { Url } from "../../url/url.ts";
import { IDLE_TIMEOUT } from "../_connect/deadline.ts";
import { BLOCK_BYTES } from "../_exchange/upload.ts";
import type { ClientOptions, RequestOptions } from "../options.ts";
import {
  credentialsOf,
  hrefWithoutSecrets,
  parseTypedUrl,
  proxyFromEnvironment,
  toAsciiName,
  writeTarget,
} from "../route.ts";
import type { CommandBody } from "./body.ts";
import { type Options, unescape } from "./options.ts";

/**
 * A year, in milliseconds. A download may take longer than an hour, which is
 * the default for requests.
 */
const NO_TIMEOUT = 31_536_000_000;
/** A key and its value in a netrc file; a quoted value may contain `\"`. */
const ENTRY_REGEXP =
  /(?<!\S)(?:default(?!\S)|(machine|login|password|account)\s+(?:"((?:\\.|[^"\\])*)"|(\S+)))/gs;
/** The macro that `macdef` begins, up to the next empty line. */
const MACRO_REGEXP = /^[ \t]*macdef\b.*?(?:\n[ \t]*\r?\n|$(?![\s\S]))/gms;
const COMMENT_REGEXP = /^[ \t]*#.*$/gm;
/** The path of a URL as it was typed. */
const RAW_PATH_REGEXP = /^(?:[a-z]+:[/\\]*)?[^/?#]*([^?#]*)/i;
/** The boundary in a value of `Content-Type`. */
const BOUNDARY_REGEXP = /;\s*boundary=[^;]*/i;
/** `;auto` after the value of `-e`, or alone, updates Referer at redirects. */
const AUTO_REGEXP = /;auto$/;

/** Parses a URL as users write it. Returns null if it is not valid. */
export function tryReadUrl(text: string): Url | null {
  try {
    return parseTypedUrl(text);
  } catch {
    return null;
  }
}

/**
 * Turns the flags on how to reach a host, and how long to wait, into options.
 *
 * @throws {CommandError} If a file cannot be read.
 */
export async function readReach(options: Options): Promise<ClientOptions> {
  const { cert, key = cert, noproxy, resolve, user, proto, insecure } = options;
  const { "location-trusted": trustRedirects, "max-time": timeout } = options;
  const { "proto-redir": protoRedir, "proxy-user": proxyUser } = options;
  const maxRate = options["limit-rate"] || Infinity;
  // Without -Y, a body may stop for as long as -m allows
  const stall = options["speed-limit"] ? 0 : timeout ?? 0;
  const idle = options["speed-time"] ?? Math.max(stall, IDLE_TIMEOUT);
  const minVersion = options["tlsv1.3"] && { minVersion: "TLSv1.3" } as const;
  // no_proxy is read separately, since it applies to the proxy of -x too
  const proxies = proxyFromEnvironment((name) =>
    name.toLowerCase() === "no_proxy" ? undefined : readVariable(name)
  );
  return withoutUndefined<ClientOptions>({
    redirect: options.location || trustRedirects ? "follow" : "manual",
    trustRedirects,
    keepPost: ([301, 302, 303] as const).filter((n) => options[`post${n}`]),
    autoReferer: AUTO_REGEXP.test(options.referer ?? ""),
    protocols: proto,
    redirectProtocols: protoRedir?.filter((p) => proto?.includes(p) ?? true),
    credentials: user && await completeUser(user),
    findCredentials: await readNetrc(options),
    proxyCredentials: proxyUser && await completeUser(proxyUser),
    proxyTunnel: options.proxytunnel,
    maxRedirects: options["max-redirs"],
    timeout: timeout ?? NO_TIMEOUT,
    // With a low --limit-rate, one block of an upload may take longer; a tenth
    // is added for the timers, which are late
    idleTimeout: Math.max(idle, 1.1 * 1000 * BLOCK_BYTES / maxRate),
    maxRate,
    connectTimeout: options["connect-timeout"],
    decode: options.compressed,
    proxy: (options.proxy ?? proxies) || undefined,
    noProxy: noproxy ?? readVariable("no_proxy") ?? readVariable("NO_PROXY"),
    family: options.ipv6 ? 6 : options.ipv4 ? 4 : undefined,
    resolve: resolve.length > 0 ? Object.fromEntries(resolve) : undefined,
    connectTo: options["connect-to"],
    proxyHeaders: fieldsOf(options["proxy-header"]),
    unixSocket: options["unix-socket"] || undefined,
    caCerts: await readCaCerts(options),
    tls: insecure || minVersion ? { insecure, ...minVersion } : undefined,
    cert: cert ? await readText(cert, EXIT.clientCertificate) : undefined,
    key: cert ? await readText(key!, EXIT.clientCertificate) : undefined,
  });
}

/** Reads the certificates of `--cacert`, and of the files in `--capath`. */
async function readCaCerts({ cacert, capath }: Options): Promise<string[]> {
  const act = `Cannot read ${quote(capath ?? "")}`;
  const list = () =>
    Array.from(Deno.readDirSync(capath!), ({ name }) => `${capath}/${name}`)
      .filter((path) => ifExists(() => Deno.statSync(path))?.isFile);
  const paths = capath ? attempt(act, list, EXIT.caCertificates) : [];
  const texts = await Array.fromAsync(
    cacert ? [...paths, cacert] : paths,
    (path) => readText(path, EXIT.caCertificates),
  );
  // The folder may hold other files too, such as keys
  const found = texts.filter((text) => text.includes("CERTIFICATE-----"));
  if (texts.length === 0 || found.length > 0) return found;
  const message = `Cannot use ${quote(cacert ?? capath!)}: not in PEM`;
  throw new CommandError(EXIT.caCertificates, message);
}

/** Asks for the password that `-u NAME` leaves out. */
async function completeUser(
  { username, password }: NonNullable<Options["user"]>,
): Promise<Credentials> {
  if (password !== undefined) return { username, password };
  if (Deno.stdin.isTerminal() && Deno.stderr.isTerminal()) {
    const { askSecret } = await import("./secret.ts");
    const question = `Password of ${escapeControls(username)}: `;
    return { username, password: askSecret(question) };
  }
  const act = `Cannot ask for the password of ${quote(username)}`;
  throw usageError(`${act}: there is no terminal; use -u NAME:PASSWORD, or -n`);
}

/**
 * Turns the flags into a request.
 *
 * @param transfer The flags, and the URL as the user wrote it.
 * @param url The URL to request.
 * @param body The body to send.
 * @returns The method, the target, the fields and the body.
 * @throws {CommandError} If the URL must not name a user, or the file of
 *   `--etag-compare` cannot be read.
 */
export async function readRequest(
  { options, typedUrl }: { options: Options; typedUrl: string },
  url: Url,
  { method, content, ...body }: CommandBody,
): Promise<RequestOptions> {
  if (options["disallow-username-in-url"] && url.username !== "") {
    const act = `Cannot fetch ${quote(hrefWithoutSecrets(url))}`;
    throw new CommandError(EXIT.loginDenied, `${act}: it names a user`);
  }
  const raw = options["path-as-is"] ? RAW_PATH_REGEXP.exec(typedUrl)![1] : "";
  const target = raw && writeTarget(encodeURI(raw).replaceAll("%25", "%"), url);
  return withoutUndefined<RequestOptions>({
    method: options.request ?? method,
    target: (options["request-target"] ?? target) || undefined,
    ...await readFields(options, body),
    body: content,
  });
}

/**
 * Returns the fields to send, and the names of default ones to leave out. As in
 * curl, a repeated name adds a field, but of Host only the first counts.
 */
async function readFields(
  options: Options,
  { headers: fields, boundary }: Omit<CommandBody, "method">,
): Promise<{ headers: HeaderFields; omit: string[] }> {
  const { header, range, cookie, referer, "user-agent": userAgent } = options;
  const { "oauth2-bearer": token, "time-cond": condition } = options;
  const { "etag-compare": path = "" } = options;
  const headers = new HeaderFields();
  for (const [name, value] of fieldsOf(header)) {
    if (/^host$/i.test(name) && headers.has("host")) continue;
    const isType = boundary !== undefined && /^content-type$/i.test(name);
    const type = value.replace(BOUNDARY_REGEXP, "");
    headers.append(name, isType ? `${type}; boundary=${boundary}` : value);
  }
  const names = header.map(([name]) => name);
  const overridden = new HeaderFields(names.map((name) => [name, ""] as const));
  const defaults = [
    ...fields,
    ["User-Agent", userAgent],
    ["Referer", referer?.replace(AUTO_REGEXP, "")],
    ["Authorization", token && `Bearer ${token}`],
    ...condition === undefined ? [] : [condition],
    ["If-None-Match", path && ((await readIfThere(path, true)).trim() || '""')],
    ["Range", range],
    ["Cookie", cookie.filter((text) => text.includes("=")).join("; ")],
  ] as const;
  for (const [name, value] of defaults) {
    if (value && !overridden.has(name)) headers.append(name, octetsOf(value));
  }
  if (userAgent === "") names.push("User-Agent");
  return { headers, omit: names.filter((name) => !headers.has(name)) };
}

/** Returns the fields of `-H`, without those that are to be left out. */
function fieldsOf(lines: Options["header"]): [name: string, value: string][] {
  return lines.flatMap(([name, text]) =>
    text === null ? [] : [[name, octetsOf(text)]]
  );
}

function octetsOf(text: string): string {
  return octetsToText(new TextEncoder().encode(text));
}

/** Returns a lookup in the netrc file; undefined if no flag asks for it. */
async function readNetrc({ netrc, user, ...options }: Options) {
  const { "netrc-file": file, "netrc-optional": isOptional } = options;
  const usesNetrc = netrc || isOptional || file !== undefined;
  const signsIn = user !== undefined || options["oauth2-bearer"] !== undefined;
  if (!usesNetrc || signsIn) return undefined;
  const home = readVariable("HOME");
  if (file === undefined && home === undefined) {
    const message = "Cannot find ~/.netrc: run with --allow-env=HOME";
    throw new CommandError(EXIT.readError, message);
  }
  const text = await readIfThere(file ?? `${home}/.netrc`, isOptional);
  return (url: Url) => url.password === "" ? findInNetrc(text, url) : null;
}

/**
 * Finds the user and password for a host in a netrc file. The host must be
 * exactly that of the parsed URL; `default` matches any.
 *
 * @param text The file.
 * @param url The URL. If it names a user, an entry must name the same or none.
 * @returns User and password, or null if the file has none for this host.
 * @throws {CommandError} If a quoted string in the file has no end.
 */
export function findInNetrc(text: string, url: Url): Credentials | null {
  const { hostname } = url;
  const user = credentialsOf(url)?.username;
  const stripped = text.replace(MACRO_REGEXP, "").replace(COMMENT_REGEXP, "");
  const entries: Map<string, string>[] = [];
  const pairs = stripped.matchAll(ENTRY_REGEXP);
  // Without a key, it is `default`: the same as `machine` with this host
  for (const [, key = "machine", quoted, plain = hostname] of pairs) {
    if (plain.startsWith('"')) {
      const message = "Cannot read the netrc file: a quote is not closed";
      throw new CommandError(EXIT.readError, message);
    }
    if (key === "machine") entries.push(new Map());
    entries.at(-1)?.set(key, quoted === undefined ? plain : unescape(quoted));
  }
  const entry = entries.find((entry) =>
    toAsciiName(entry.get("machine") ?? "") === hostname && entry.size > 1 &&
    (user === undefined ||
      entry.has("password") && (entry.get("login") ?? user) === user)
  );
  if (entry === undefined) return null;
  const { login = user ?? "", password = "" } = Object.fromEntries(entry);
  return { username: login, password };
}

/** Reads an environment variable if that is permitted, without a prompt. */
function readVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

/** Returns the text of a file; `""` if it is optional and missing. */
async function readIfThere(path: string, isOptional: boolean): Promise<string> {
  const isMissing = isOptional && ifExists(() => Deno.statSync(path)) === null;
  return isMissing ? "" : await readText(path, EXIT.readError);
}
