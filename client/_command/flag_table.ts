import { EXIT } from "../../command/errors.ts";
import { type Flag, value } from "../../command/flags.ts";
import { isIpv4, parseIpv6 } from "../../url/host.ts";
import { bareHost } from "../resolve.ts";
import { parseFormPart } from "./form.ts";
import { ifExists } from "./part_file.ts";

const COUNT = value("COUNT", "a whole number", /^\d{1,9}$/, Number);
const REDIRECTS = { ...COUNT, pattern: /^(?:-1|\d{1,9})$/ };
/** In milliseconds; 0 is the default, as for curl. */
const SECONDS = value(
  "SECONDS",
  "seconds, such as 2.5",
  /^(?=\.?\d)\d{0,9}(?:\.\d*)?$/,
  (text) => Number(text) * 1000 || undefined,
);
const SPOKEN = ["http", "https"] as const;
/** Changes to the protocols that are allowed; others never are. */
const PROTOCOLS = value(
  "LIST",
  "protocols with commas, such as =https or -http, of which one is left",
  /^[-+=]?[a-z][a-z\d]*(?:,[-+=]?[a-z][a-z\d]*)*$/i,
  (text) => {
    const allowed = SPOKEN.filter((own) => {
      const names = new RegExp(`^[-+=]?(?:all|${own})$`, "i");
      const last = text.split(",")
        .findLast((change) => change.startsWith("=") || names.test(change));
      return last === undefined || names.test(last) && !last.startsWith("-");
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
const UNITS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const BYTES = value(
  "BYTES",
  "bytes, such as 10M",
  /^(\d{1,12})([KMGT]?)$/i,
  (_, digits, unit) =>
    Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS],
);
/** As the value of `Range`. */
const RANGE = value(
  "FROM-TO",
  "bytes, such as 0-499 or -500",
  /^\d*-\d*(?:,\d*-\d*)*$/,
  (text) => `bytes=${text}`,
);
/** Name and value of a field; null as its value leaves one out. */
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
/** A number or a name comes first, but not so in log.2026-01-31. */
const DATE_REGEXP = /^(?:\d|[a-z]{3,9},? )/i;
/** A date as ISO 8601 has it, with its dashes or without. */
const ISO_REGEXP = /^(\d{4})-?(\d\d)-?(\d\d)(?:T|\b)/;
const ZONE_REGEXP = /[a-z]$|[+-]\d\d:?\d\d$/i;
/** What is no date that was typed wrong, most likely. */
const FILE_TO_COME_REGEXP = /^(?!\d+$)\S+$/;
/** As field and date; a file stands for its date, and one to come for "". */
const TIME = value(
  "DATE",
  "a date such as 2026-01-31 or its opposite with -, or a file",
  /^(-?)(.+)$/s,
  (_, sign, text) => {
    const date = text.replace(ISO_REGEXP, "$1-$2-$3 ");
    // As for curl, it is of GMT if it does not say otherwise
    const zone = ZONE_REGEXP.test(date) ? "" : " GMT";
    const typed = DATE_REGEXP.test(text) ? Date.parse(date + zone) : NaN;
    const time = Number.isNaN(typed)
      ? ifExists(() => Deno.statSync(text))?.mtime
      : new Date(typed);
    const name = sign === "" ? "If-Modified-Since" : "If-Unmodified-Since";
    if (time) return [name, time.toUTCString()] as const;
    return FILE_TO_COME_REGEXP.test(text) ? [name, ""] as const : null;
  },
);
/** Host with port, and its addresses. */
const ADDRESSES = value(
  "HOST:PORT:IP...",
  "HOST:PORT:IP",
  /^\+?(?!-)((?:\[[^\]]+\]|[^:[]+):\d{1,5}):(.+)$/,
  (_, host, ips) => {
    const addresses = ips.split(",");
    return addresses.every((ip) => isIpv4(ip) || parseIpv6(bareHost(ip)))
      ? [host.toLowerCase(), addresses] as const
      : null;
  },
  EXIT.wrongRule,
);
/** Host with port, and those to connect to in their place. */
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
const EXPLAIN = value("[packets]", "packets", /^(?:packets)?$/, String);
const TIMING = value("[json]", "json", /^(?:json)?$/, String);
/** A part of a form. */
const PARTS = value(
  "PART...",
  "NAME=TEXT or NAME=@FILE",
  /^([^=]+)=(.*)$/s,
  (_, name, text) => parseFormPart(name, text),
);
/** What is sent in the order in which it was given, whatever the flag. */
export const DATA = value("DATA...", "data", /^.*$/s, String);

/** The titles of the groups of flags, in the order of the help. */
export const GROUPS = [
  "Common",
  "What is sent",
  "What becomes of the response",
  "Several transfers",
  "The way there",
  "TLS",
  "Limits and further attempts",
  "What is shown",
] as const;

const [COMMON, SENT, RESPONSE, SEVERAL, WAY, TLS, LIMITS, SHOWN] = GROUPS;

/**
 * Every flag of the command, in the order of the help. Letters and names are
 * curl's where curl has them.
 */
export const FLAGS = [
  ["d", "data", DATA, "post as a form; @FILE reads it, @- reads stdin", COMMON],
  ["H", "header", LINES, 'send "Name: value"; "Name:": none; @FILE', COMMON],
  ["X", "request", "METHOD", "use this method", COMMON],
  ["u", "user", USER, "sign in by Basic; NAME alone asks", COMMON],
  ["L", "location", "", "follow redirects", COMMON],
  ["o", "output", "FILE...", "write the body there when it is whole", COMMON],
  ["O", "remote-name", "", "the same, named as in the URL", COMMON],
  ["i", "include", "", "show the head of the response too", COMMON],
  ["w", "write-out", "FORMAT", "write this after it: %{http_code}", COMMON],
  ["f", "fail", "", "exit with 22, without a body, from 400 on", COMMON],
  ["s", "silent", "", "no progress bar and no error message", COMMON],
  ["v", "verbose", "", "show both heads as they are on the wire", COMMON],
  ["", "explain", EXPLAIN, "show the five steps of a client", COMMON],
  ["h", "help", "", "show this text; --help all has every flag", COMMON],

  ["", "data-raw", DATA, "as -d, but @ means nothing", SENT],
  ["", "data-binary", DATA, "as -d, but a file's line ends are kept", SENT],
  ["", "data-urlencode", DATA, "as -d, but percent-encoded", SENT],
  ["", "json", DATA, "as --data-binary, as application/json", SENT],
  ["F", "form", PARTS, "post as multipart: NAME=TEXT or NAME=@FILE", SENT],
  ["", "form-string", PARTS, "the same, and @ means nothing", SENT],
  ["T", "upload-file", "FILE...", "put a file; one for each URL", SENT],
  ["G", "get", "", "get, with the data of -d in the URL", SENT],
  ["", "anyauth", "", "sign in only once the server asks for it", SENT],
  ["n", "netrc", "", "sign in with what ~/.netrc has for the host", SENT],
  ["", "netrc-file", "FILE", "the same, with a file of that form", SENT],
  ["", "netrc-optional", "", "the same as -n, if there is one", SENT],
  ["", "oauth2-bearer", "TOKEN", "sign in with this token", SENT],
  ["e", "referer", "URL", "send this as Referer; add ;auto to update it", SENT],
  ["A", "user-agent", "TEXT", "send this as User-Agent", SENT],
  ["", "url-query", "DATA...", "add it to the query of the URL", SENT],
  ["b", "cookie", "DATA...", 'send "name=value", or those of a file', SENT],
  ["j", "junk-session-cookies", "", "take none of a session from -b", SENT],
  ["", "disallow-username-in-url", "", "refuse a URL with a user", SENT],
  ["z", "time-cond", TIME, "only if it has changed since then", SENT],
  ["", "etag-compare", "FILE", "only if it has another ETag than that", SENT],
  ["", "etag-save", "FILE", "write its ETag there", SENT],
  ["", "path-as-is", "", "leave /../ and /./ in the path", SENT],
  ["", "request-target", "TARGET", "send this in place of the path", SENT],
  ["r", "range", RANGE, "ask for these bytes only", SENT],
  ["", "compressed", "", "ask for a compressed body, and unpack it", SENT],

  ["I", "head", "", "ask for the head only, and show it", RESPONSE],
  ["D", "dump-header", "FILE", "write the heads there; - is stdout", RESPONSE],
  ["", "suppress-connect-headers", "", "but no heads of tunnels", RESPONSE],
  ["", "output-dir", "DIR", "the folder for -o and -O", RESPONSE],
  ["", "create-dirs", "", "make it, and those in -o, if needed", RESPONSE],
  ["J", "remote-header-name", "", "-O takes the server's name", RESPONSE],
  ["R", "remote-time", "", "give the file the server's date", RESPONSE],
  ["", "no-clobber", "", "write NAME.1 where NAME is there", RESPONSE],
  ["", "skip-existing", "", "ask for nothing that is there", RESPONSE],
  ["", "fail-with-body", "", "as -f, but with the body", RESPONSE],
  ["C", "continue-at", "-", "go on with a cut download", RESPONSE],
  ["", "out-null", "", "as -o, but write it nowhere", RESPONSE],
  ["c", "cookie-jar", "FILE", "write the cookies there at the end", RESPONSE],

  ["", "url", "URL...", "ask for this URL, as if it stood alone", SEVERAL],
  ["g", "globoff", "", "take {a,b} and [1-9] in URLs as they are", SEVERAL],
  [":", "next", "", "the flags that follow are for other URLs", SEVERAL],
  ["K", "config", "FILE...", "read flags from a file; - is stdin", SEVERAL],
  ["", "remote-name-all", "", "-O for every URL", SEVERAL],
  ["", "fail-early", "", "stop at the first failure", SEVERAL],
  ["Z", "parallel", "", "fetch all URLs at once", SEVERAL],
  ["", "parallel-max", COUNT, "so many at once at most (50)", SEVERAL],

  ["", "post301", "", "go on with POST after a 301", WAY],
  ["", "post302", "", "go on with POST after a 302", WAY],
  ["", "post303", "", "go on with POST after a 303", WAY],
  ["", "location-trusted", "", "follow, and sign in everywhere", WAY],
  ["x", "proxy", "URL", "ask this HTTP proxy ($http_proxy, ...)", WAY],
  ["", "noproxy", "HOSTS", "no proxy for these ($no_proxy); * is all", WAY],
  ["U", "proxy-user", USER, "sign in to the proxy by Basic", WAY],
  ["", "proxy-header", LINES, "send it to the proxy, and only there", WAY],
  ["p", "proxytunnel", "", "ask it for a tunnel, for http too", WAY],
  ["", "proto", PROTOCOLS, "use only these, as =https or -http", WAY],
  ["", "proto-redir", PROTOCOLS, "the same, after a redirect", WAY],
  ["", "proto-default", PROTOCOL, "what a URL without one gets", WAY],
  ["4", "ipv4", "", "use IPv4 addresses only", WAY],
  ["6", "ipv6", "", "use IPv6 addresses only", WAY],
  ["", "resolve", ADDRESSES, "use this address for that host", WAY],
  ["", "connect-to", DETOUR, "FROM:PORT:TO:PORT: go there instead", WAY],
  ["", "unix-socket", "PATH", "connect to this socket", WAY],

  ["", "cacert", "FILE", "trust the certificates of this PEM file", TLS],
  ["", "capath", "DIR", "trust those of the PEM files in this folder", TLS],
  ["k", "insecure", "", "take any certificate; for development alone", TLS],
  ["", "tlsv1.3", "", "speak TLS 1.3 or nothing", TLS],
  ["E", "cert", "FILE", "show the server this certificate", TLS],
  ["", "key", "FILE", "the private key of that certificate", TLS],

  ["m", "max-time", SECONDS, "give up a transfer after so long", LIMITS],
  ["", "limit-rate", BYTES, "so many bytes a second at most, as 100K", LIMITS],
  ["Y", "speed-limit", BYTES, "give up where it is slower (1), ...", LIMITS],
  ["y", "speed-time", SECONDS, "... for so long (30)", LIMITS],
  ["", "connect-timeout", SECONDS, "give up connecting after it", LIMITS],
  ["", "retry", COUNT, "try again when the failure may pass", LIMITS],
  ["", "retry-delay", SECONDS, "pause so long before each of them", LIMITS],
  ["", "retry-max-time", SECONDS, "begin none after so long", LIMITS],
  ["", "retry-all-errors", "", "after any error; with -f any status", LIMITS],
  ["", "max-redirs", REDIRECTS, "follow so many at most (20); -1: all", LIMITS],
  ["", "max-filesize", BYTES, "refuse a longer body, as 10M", LIMITS],

  ["S", "show-error", "", "show an error message even with -s", SHOWN],
  ["", "no-progress-meter", "", "show no progress bar", SHOWN],
  ["", "stderr", "FILE", "write there what would go to stderr", SHOWN],
  ["", "draw", "FILE.svg", "draw who sent what to whom, and when", SHOWN],
  ["", "timing", TIMING, "show how long each step took", SHOWN],
  ["", "anatomy", "", "draw the URL, and where its parts go", SHOWN],
  ["V", "version", "", "show the version, and what it speaks", SHOWN],
] as const satisfies readonly Flag[];

/** Flags that hold on both sides of `--next`. */
export const GLOBAL: readonly (string | undefined)[] =
  "anatomy explain fail-early help no-progress-meter parallel parallel-max show-error silent stderr timing verbose version"
    .split(" ");

/** Other names of flags. */
export const ALIASES: Readonly<Record<string, string>> = {
  "data-ascii": "data",
  "follow": "location",
  "proxy1.0": "proxy",
  "show-headers": "include",
};
