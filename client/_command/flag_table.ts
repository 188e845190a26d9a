import { EXIT, ifExists } from "../../command/errors.ts";
import { BYTES, type Flag, value } from "../../command/flags.ts";
import { isIpv4, parseIpv6 } from "../../url/host.ts";
import { bareHost } from "../resolve.ts";
import { parseFormPart } from "./form.ts";

const COUNT = value("COUNT", "a whole number", /^\d{1,9}$/, Number);
/** A time, in milliseconds. As in curl, 0 means the default. */
const SECONDS = value(
  "SECONDS",
  "seconds, such as 2.5",
  /^(?=\.?\d)\d{0,9}(?:\.\d*)?$/,
  (text) => Number(text) * 1000 || undefined,
);
/** Changes to the allowed protocols, which are http and https at most. */
const PROTOCOLS = value(
  "LIST",
  "protocols such as =https or -http, with at least one left",
  /^[-+=]?[a-z][a-z\d]*(?:,[-+=]?[a-z][a-z\d]*)*$/i,
  (text) => {
    const allowed = (["http", "https"] as const).filter((protocol) => {
      const pattern = new RegExp(`^[-+=]?(?:all|${protocol})$`, "i");
      const last = text.split(",")
        .findLast((change) => change.startsWith("=") || pattern.test(change));
      return last === undefined || pattern.test(last) && !last.startsWith("-");
    });
    return allowed.length > 0 ? allowed : null;
  },
);
const PROTOCOL = value(
  "PROTOCOL",
  "the protocol http or https",
  /^https?$/i,
  String,
  EXIT.unknownProtocol,
);
/** The value of `Range`. */
const RANGE = value(
  "FROM-TO",
  "bytes, such as 0-499 or -500",
  /^(?:\d+-\d*|-\d+)(?:,(?:\d+-\d*|-\d+))*$/,
  (text) => `bytes=${text}`,
);
/** The name and value of a field; a value of null leaves the field out. */
export const LINES = value(
  "LINE...",
  '"Name: value"',
  /^([^:;]+)(?::[ \t]*(.*)|;)$/s,
  (_, name, value) => [name, value === "" ? null : value ?? ""] as const,
);
const USER = value(
  "NAME:PASSWORD",
  "NAME:PASSWORD, where either may be empty",
  /^([^:]*)(?::(.*))?$/s,
  (_, username, password?: string) => ({ username, password }),
);
/** A date begins with a number or a name, unlike the file log.2026-01-31. */
const DATE_REGEXP = /^(?:\d|[a-z]{3,9},? )/i;
/** A date in ISO 8601, with or without dashes. */
const ISO_REGEXP = /^(\d{4})-?(\d\d)-?(\d\d)(?:T|\b)/;
const ZONE_REGEXP = /[a-z]$|[+-]\d\d:?\d\d$/i;
/** Probably a file that does not exist yet, and not a mistyped date. */
const MISSING_FILE_REGEXP = /^(?!\d+$)\S+$/;
/** A field and a date; a file stands for its date, "" if it does not exist. */
const TIME = value(
  "DATE",
  "a date such as 2026-01-31 or a file, with - before it for the opposite",
  /^(-?)(.+)$/s,
  (_, sign, text) => {
    const date = text.replace(ISO_REGEXP, "$1-$2-$3 ");
    // As in curl, a date without a zone is in GMT
    const zone = ZONE_REGEXP.test(date) ? "" : " GMT";
    const typed = DATE_REGEXP.test(text) ? Date.parse(date + zone) : NaN;
    const time = Number.isNaN(typed)
      ? ifExists(() => Deno.statSync(text))?.mtime
      : new Date(typed);
    const name = sign === "" ? "If-Modified-Since" : "If-Unmodified-Since";
    if (time) return [name, time.toUTCString()] as const;
    return MISSING_FILE_REGEXP.test(text) ? [name, ""] as const : null;
  },
);
/** A host with its port, and its addresses. */
const ADDRESSES = value(
  "HOST:PORT:IP...",
  "HOST:PORT:IP",
  /^\+?(?!-)((?:\[[^\]]+\]|[^:[]+):(\d{1,5})):(.+)$/,
  (_, host, port, ips) => {
    const addresses = ips.split(",");
    const isIp = (ip: string) => isIpv4(ip) || parseIpv6(bareHost(ip));
    return Number(port) < 65_536 && addresses.every(isIp)
      ? [host.toLowerCase(), addresses] as const
      : null;
  },
  EXIT.wrongRule,
);
/** A host with its port, and those to connect to instead. */
const DETOUR = value(
  "RULE...",
  "HOST:PORT:HOST:PORT, where each may be empty",
  /^(\[[^\]]*\]|[^:[]*):(\d{0,5}):(\[[^\]]*\]|[^:[]*):(\d{0,5})$/,
  (_, from, port, to, toPort) => ({
    from,
    port: Number(port),
    to,
    toPort: Number(toPort),
  }),
  EXIT.wrongRule,
);
const EXPLAIN = value("[=packets]", "packets", /^(?:packets)?$/, String);
const SVG = value("FILE.svg", "FILE.svg", /^[^-].*$/s, String);
const TIMING = value("[=json]", "json", /^(?:json)?$/, String);
/** A part of a form. */
const PARTS = value(
  "PART...",
  "NAME=TEXT or NAME=@FILE",
  /^([^=]+)=(.*)$/s,
  (_, name, text) => parseFormPart(name, text),
);
/** Data to send. All flags of this kind are kept in the order given. */
export const DATA = value("DATA...", "data", /^.*$/s, String);

// The titles of the groups of flags in the help
export const COMMON = "Common";
const SENT = "Request";
const RESPONSE = "Response";
const SEVERAL = "Several URLs";
const NET = "Connection";
const TLS = "TLS";
const LIMITS = "Limits and retries";
const OUTPUT = "Output";

/**
 * Every flag of the command, in the order of the help. Letters and names are
 * curl's where curl has them.
 */
export const FLAGS = [
  ["d", "data", DATA, "post this data; @FILE reads a file, @- stdin", COMMON],
  ["H", "header", LINES, 'send "Name: value"; "Name:" drops it; @FILE', COMMON],
  ["X", "request", "METHOD", "use this method instead of GET or POST", COMMON],
  ["u", "user", USER, "sign in with Basic; NAME alone prompts", COMMON],
  ["L", "location", "", "follow redirects", COMMON],
  ["o", "output", "FILE...", "save the body to FILE when complete", COMMON],
  ["O", "remote-name", "", "save it under its name in the URL", COMMON],
  ["i", "include", "", "show the response head before the body", COMMON],
  ["w", "write-out", "FORMAT", "print this at the end: %{http_code}", COMMON],
  ["f", "fail", "", "exit with 22 and no body on status 400 and up", COMMON],
  ["s", "silent", "", "show no progress bar and no errors", COMMON],
  ["v", "verbose", "", "show both heads as they cross the wire", COMMON],
  ["", "explain", EXPLAIN, "show the client's five steps, one by one", COMMON],
  ["h", "help", "", "show this help; --help all lists every flag", COMMON],

  ["", "data-raw", DATA, "post this data, taking @ literally", SENT],
  ["", "data-binary", DATA, "post this data, keeping line ends of files", SENT],
  ["", "data-urlencode", DATA, "post this data, percent-encoded", SENT],
  ["", "json", DATA, "post this data as application/json", SENT],
  ["F", "form", PARTS, "post a multipart form; NAME=@FILE for files", SENT],
  ["", "form-string", PARTS, "post NAME=TEXT, but take @ literally", SENT],
  ["T", "upload-file", "FILE...", "PUT this file; one -T for each URL", SENT],
  ["G", "get", "", "use GET, with the data of -d in the URL", SENT],
  ["", "anyauth", "", "sign in only after the server asks", SENT],
  ["n", "netrc", "", "sign in as ~/.netrc says for the host", SENT],
  ["", "netrc-file", "FILE", "sign in as this file says instead", SENT],
  ["", "netrc-optional", "", "use ~/.netrc if there is one", SENT],
  ["", "oauth2-bearer", "TOKEN", "sign in with this bearer token", SENT],
  ["e", "referer", "URL", "send this Referer; add ;auto to update it", SENT],
  ["A", "user-agent", "TEXT", "send this as User-Agent", SENT],
  ["", "url-query", "DATA...", "add this to the query of the URL", SENT],
  ["b", "cookie", "DATA...", 'send "name=value", or cookies from a file', SENT],
  ["j", "junk-session-cookies", "", "ignore session cookies of -b", SENT],
  ["", "disallow-username-in-url", "", "refuse a URL that names a user", SENT],
  ["z", "time-cond", TIME, "fetch only if changed since DATE or FILE", SENT],
  ["", "etag-compare", "FILE", "fetch unless FILE has its current ETag", SENT],
  ["", "etag-save", "FILE", "save the ETag of the response", SENT],
  ["", "path-as-is", "", "keep /../ and /./ in the path", SENT],
  ["", "request-target", "TARGET", "send this instead of the path", SENT],
  ["r", "range", RANGE, "fetch only these bytes, such as 0-499", SENT],
  ["", "compressed", "", "ask for a compressed body and unpack it", SENT],

  ["I", "head", "", "fetch and show only the head", RESPONSE],
  ["D", "dump-header", "FILE", "save the heads to FILE; - is stdout", RESPONSE],
  ["", "output-dir", "DIR", "put the files of -o and -O here", RESPONSE],
  ["", "create-dirs", "", "create missing folders of output files", RESPONSE],
  ["J", "remote-header-name", "", "use the server's name with -O", RESPONSE],
  ["R", "remote-time", "", "set the file's time to the server's", RESPONSE],
  ["", "no-clobber", "", "save as NAME.1 if NAME exists", RESPONSE],
  ["", "skip-existing", "", "skip a URL whose file exists", RESPONSE],
  ["", "fail-with-body", "", "fail like -f, but keep the body", RESPONSE],
  ["C", "continue-at", "-", "resume an interrupted download", RESPONSE],
  ["", "out-null", "", "discard the body", RESPONSE],
  ["c", "cookie-jar", "FILE", "save all cookies to FILE at the end", RESPONSE],

  ["", "url", "URL...", "fetch this URL; --url may be left out", SEVERAL],
  ["g", "globoff", "", "take {a,b} and [1-9] in URLs literally", SEVERAL],
  [":", "next", "", "give other flags to the URLs that follow", SEVERAL],
  ["K", "config", "FILE...", "read flags from FILE; - is stdin", SEVERAL],
  ["", "remote-name-all", "", "use -O for every URL", SEVERAL],
  ["", "fail-early", "", "stop at the first failure", SEVERAL],
  ["Z", "parallel", "", "fetch the URLs in parallel", SEVERAL],
  ["", "parallel-max", COUNT, "fetch at most this many at once (50)", SEVERAL],

  ["", "post301", "", "stay with POST after a 301", NET],
  ["", "post302", "", "stay with POST after a 302", NET],
  ["", "post303", "", "stay with POST after a 303", NET],
  ["", "location-trusted", "", "follow, and sign in at every host", NET],
  ["x", "proxy", "URL", "use this HTTP proxy ($http_proxy, ...)", NET],
  ["", "noproxy", "HOSTS", "use no proxy for HOSTS ($no_proxy); *: all", NET],
  ["U", "proxy-user", USER, "sign in to the proxy with Basic", NET],
  ["", "proxy-header", LINES, "send this to the proxy only", NET],
  ["p", "proxytunnel", "", "tunnel through the proxy for http too", NET],
  ["", "proto", PROTOCOLS, "allow only these, as in =https or -http", NET],
  ["", "proto-redir", PROTOCOLS, "allow only these after a redirect", NET],
  ["", "proto-default", PROTOCOL, "add this to a URL without one", NET],
  ["4", "ipv4", "", "use IPv4 addresses only", NET],
  ["6", "ipv6", "", "use IPv6 addresses only", NET],
  ["", "resolve", ADDRESSES, "connect to this IP for HOST:PORT", NET],
  ["", "connect-to", DETOUR, "connect elsewhere: FROM:PORT:TO:PORT", NET],
  ["", "unix-socket", "PATH", "connect to this Unix socket", NET],

  ["", "cacert", "FILE", "trust the certificates in this PEM file", TLS],
  ["", "capath", "DIR", "trust those in the PEM files of this folder", TLS],
  ["k", "insecure", "", "accept any certificate (development only)", TLS],
  ["", "tlsv1.3", "", "require TLS 1.3", TLS],
  ["E", "cert", "FILE", "present this client certificate (PEM)", TLS],
  ["", "key", "FILE", "use this private key with --cert", TLS],

  ["m", "max-time", SECONDS, "give up a transfer after this time", LIMITS],
  ["", "limit-rate", BYTES, "transfer at most BYTES a second, as 100K", LIMITS],
  ["Y", "speed-limit", BYTES, "give up below BYTES a second (1) ...", LIMITS],
  ["y", "speed-time", SECONDS, "... for this long (30)", LIMITS],
  ["", "connect-timeout", SECONDS, "limit the time to connect (10)", LIMITS],
  ["", "retry", COUNT, "retry up to COUNT times if it may help", LIMITS],
  ["", "retry-delay", SECONDS, "pause before each retry (1, 2, 4 ...)", LIMITS],
  ["", "retry-max-time", SECONDS, "start no retry after this time", LIMITS],
  ["", "retry-all-errors", "", "retry any error; with -f, any status", LIMITS],
  ["", "max-redirs", COUNT, "follow at most COUNT redirects (20)", LIMITS],
  ["", "max-filesize", BYTES, "refuse a body over BYTES, as 10M", LIMITS],

  ["S", "show-error", "", "show errors even with -s", OUTPUT],
  ["", "no-progress-meter", "", "show no progress bar", OUTPUT],
  ["", "stderr", "FILE", "write to FILE what would go to stderr", OUTPUT],
  ["", "draw", SVG, "draw who sent what to whom, and when", OUTPUT],
  ["", "timing", TIMING, "show how long each step took", OUTPUT],
  ["", "anatomy", "", "draw the parts of the URL; send nothing", OUTPUT],
  ["V", "version", "", "show version, protocols and features", OUTPUT],
] as const satisfies readonly Flag[];

/** Flags that apply on both sides of `--next`. */
export const GLOBAL: readonly (string | undefined)[] =
  "anatomy explain fail-early help no-progress-meter parallel parallel-max show-error silent stderr timing verbose version"
    .split(" ");
