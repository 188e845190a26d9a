/**
 * Every flag of the command, in the order of the help: the letter, the name,
 * the value if it takes one (with `...` if it may be given many times), and
 * what it does. Letters and names are curl's where curl has them.
 */
export const FLAGS = [
  ["X", "request", "METHOD", "use this method"],
  ["H", "header", "LINE...", 'send "Name: value"; "Name:" leaves one out'],
  ["d", "data", "DATA...", "post as a form; @FILE reads it, @- reads stdin"],
  ["", "data-raw", "DATA...", "the same, but @ means nothing"],
  ["", "data-binary", "DATA...", "the same, but a file's line ends are kept"],
  ["", "json", "DATA...", "the same, as application/json"],
  ["F", "form", "PART...", "post as multipart: NAME=TEXT or NAME=@FILE"],
  ["T", "upload-file", "FILE", "put a file; - reads stdin"],
  ["G", "get", "", "get, with the data of -d in the URL"],
  ["o", "output", "FILE...", "write the body there once it is whole; - stdout"],
  ["O", "remote-name", "", "the same, named as in the URL; never overwrites"],
  ["i", "include", "", "show the head of the answer too"],
  ["I", "head", "", "ask for the head only, and show it"],
  ["v", "verbose", "", "show both heads as they are on the wire, and why"],
  ["L", "location", "", "follow redirects"],
  ["", "max-redirs", "COUNT", "follow so many at most (20)"],
  ["u", "user", "NAME:PASSWORD", "sign in by Basic"],
  ["n", "netrc", "", "sign in with what ~/.netrc says for the host"],
  ["A", "user-agent", "TEXT", "send this as User-Agent"],
  ["x", "proxy", "URL", "ask this HTTP proxy ($http_proxy, $https_proxy)"],
  ["", "noproxy", "HOSTS", "ask no proxy for these ($no_proxy); * is all"],
  ["", "cacert", "FILE", "trust the certificates of this PEM file"],
  ["E", "cert", "FILE", "show the server this certificate"],
  ["", "key", "FILE", "the private key of that certificate"],
  ["k", "insecure", "", "is refused, and says what to do instead"],
  ["m", "max-time", "SECONDS", "give up a transfer after so long"],
  ["", "connect-timeout", "SECONDS", "give up connecting after so long (10)"],
  ["", "retry", "COUNT", "try again when the failure may pass"],
  ["C", "continue-at", "-", "go on with a cut download, if nothing changed"],
  ["r", "range", "FROM-TO", "ask for these bytes only"],
  ["f", "fail", "", "exit with 22, without a body, from status 400 on"],
  ["s", "silent", "", "no progress bar and no error message"],
  ["S", "show-error", "", "an error message even with -s"],
  ["4", "ipv4", "", "use IPv4 addresses only"],
  ["6", "ipv6", "", "use IPv6 addresses only"],
  ["", "resolve", "HOST:PORT:IP...", "use this address for that host"],
  ["", "unix-socket", "PATH", "connect to this socket"],
  ["", "compressed", "", "ask for a compressed body, and unpack it"],
  ["b", "cookie", "DATA...", 'send "name=value", or the cookies of a file'],
  ["c", "cookie-jar", "FILE", "write the cookies to this file at the end"],
  ["", "max-filesize", "BYTES", "refuse a longer body; K, M, G are understood"],
  ["", "stderr", "FILE", "write there what would go to stderr"],
  ["Z", "parallel", "", "fetch all URLs at once"],
  ["", "explain", "", "show the five steps of a client as they happen"],
  ["", "timing", "", "show how long each step took"],
  ["", "anatomy", "", "draw the URL, and where each part of it goes"],
  ["h", "help", "", "show this text"],
  ["V", "version", "", "show the version"],
] as const;

type Flag = typeof FLAGS[number];
type Switch = Extract<Flag, readonly [string, string, "", string]>[1];
type List = Extract<Flag, readonly [string, string, `${string}...`, string]>[1];
type Single = Exclude<Flag[1], Switch | List>;

/**
 * What the user asked for: the flags by name, those of the data once more as
 * names and values in their order, and the URLs.
 */
export type Options =
  & { readonly [name in Switch]: boolean }
  & { readonly [name in List]: readonly string[] }
  & { readonly [name in Single]?: string }
  & { readonly parts: readonly (readonly [name: string, value: string])[] }
  & { readonly urls: readonly string[] };
