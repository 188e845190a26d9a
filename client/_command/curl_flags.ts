import type { Flag } from "../../command/flags.ts";
import { FLAGS } from "./flag_table.ts";

const FLAG_REGEXP = /(?:-(\S) )?--([^\s=]+)(?:=(\S+))?/g;

/** Accepted flags that change nothing, each with the reason (shown by -v). */
export const ACCEPTED: readonly Flag[] = listFlags({
  "-q --disable": "no .curlrc is ever read",
  "-N --no-buffer": "output is never buffered",
  "-# --progress-bar": "progress is always a bar",
  "--styled-output": "heads are never styled",
  "-0 --http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --http3-only --proxy-http2 --proxy-http3":
    "Knock asks in HTTP/1.0",
  "--basic --proxy-basic --proxy-anyauth": "Basic is the only scheme",
  "--remove-on-error": "a file gets its name only when complete",
  "--retry-connrefused": "--retry does this already",
  "--expect100-timeout=SECONDS": "the body is always sent at once",
  "--form-escape": "form names are always percent-encoded",
  "--parallel-immediate": "-Z never waits for a connection",
  "--tcp-nodelay --tcp-fastopen --mptcp --no-keepalive --keepalive-time=SECONDS --keepalive-cnt=COUNT":
    "it is plain TCP, sent at once, without probes",
  "-1 --tlsv1 --tlsv1.0 --tlsv1.1 --tlsv1.2 --ssl-allow-beast":
    "TLS 1.2 is the minimum",
  "--no-alpn --no-npn --no-sessionid --tls-earlydata --false-start --ssl-no-revoke --ssl-revoke-best-effort":
    "TLS has no ALPN, resumption, early data, CRLs",
  "--no-ca-native": "Deno's own CAs are trusted",
  "--no-http0.9": "a response without a head is an error",
  "--trace-config=LIST": "-v and --explain show everything",
  "--compressed-ssh": "SSH is not supported",
});

/** Flags of curl that are rejected, each with what to do instead. */
export const REFUSED: readonly Flag[] = listFlags({
  "-a --append -B --use-ascii -l --list-only -P --ftp-port -Q --quote --crlf --disable-eprt --disable-epsv --ftp-account --ftp-alternative-to-user --ftp-create-dirs --ftp-method --ftp-pasv --ftp-pret --ftp-skip-pasv-ip --ftp-ssl-ccc --ftp-ssl-ccc-mode --ftp-ssl-control --krb --ssl --ssl-reqd --create-file-mode --hostpubmd5 --hostpubsha256 --knownhosts --pubkey --login-options --mail-auth --mail-from --mail-rcpt --mail-rcpt-allowfails --sasl-authzid --sasl-ir --upload-flags -t --telnet-option --tftp-blksize --tftp-no-options --ipfs-gateway --metalink":
    "only http and https are supported; curl speaks the rest",
  "--socks4 --socks4a --socks5 --socks5-basic --socks5-gssapi --socks5-gssapi-nec --socks5-gssapi-service --socks5-hostname --preproxy":
    "SOCKS is not supported; -x takes an HTTP proxy",
  "--proxy-ca-native --proxy-cacert --proxy-capath --proxy-cert --proxy-cert-type --proxy-ciphers --proxy-crlfile --proxy-insecure --proxy-key --proxy-key-type --proxy-pass --proxy-pinnedpubkey --proxy-ssl-allow-beast --proxy-ssl-auto-client-cert --proxy-tls13-ciphers --proxy-tlsauthtype --proxy-tlspassword --proxy-tlsuser --proxy-tlsv1":
    "Deno cannot run TLS inside TLS; -x takes the http URL of a proxy",
  "--digest --ntlm --ntlm-wb --negotiate --delegation --service-name --aws-sigv4 --httpsig-algo --httpsig-headers --httpsig-key --httpsig-keyid --proxy-digest --proxy-ntlm --proxy-negotiate --proxy-service-name":
    'only Basic is supported; -H "Authorization: ..." sends any other',
  "--haproxy-clientip --haproxy-protocol":
    'that protocol is not supported; try -H "Forwarded: for=..."',
  "--interface --local-port --ip-tos --vlan-priority --dns-interface --dns-ipv4-addr --dns-ipv6-addr --dns-servers --doh-cert-status --doh-insecure --doh-url":
    "the system chooses routes and finds names; --resolve sets an address",
  "--happy-eyeballs-timeout-ms":
    "it is always 250 ms (RFC 8305); -4 or -6 tries one family only",
  "--abstract-unix-socket": "Deno connects to paths only; use --unix-socket",
  "--raw --tr-encoding --ignore-content-length --http0.9":
    "the head decides where a body ends; --explain shows the head",
  "--suppress-connect-headers": "-i and -D show the heads of tunnels, too",
  "--trace --trace-ascii --trace-ids --trace-time":
    "use -v or --explain, and --stderr FILE",
  [`--variable --expand-${FLAGS.map(([, name]) => name).join(" --expand-")}`]:
    "use shell variables",
  "--libcurl": "this is not libcurl; programs import mod.ts",
  "-M --manual": "use --help all",
  "--hsts --alt-svc": "nothing is kept between runs; write https:// yourself",
  "--xattr": "use -w with %{url_effective} instead",
  "--rate": "use sleep between commands",
  "--pass --cert-type --key-type":
    "only PEM without a password is read; openssl converts the rest",
  "--cert-status --crlfile --pinnedpubkey":
    "Deno checks only names, dates and signatures; --cacert adds a CA",
  "--ca-native --dump-ca-embed":
    "set DENO_TLS_CA_STORE=system to trust what the system trusts",
  "-2 --sslv2 -3 --sslv3 --tls-max --ciphers --tls13-ciphers --curves --sigalgs --ech --engine --ssl-auto-client-cert --ssl-sessions --tlsauthtype --tlspassword --tlsuser":
    "Deno picks the best of TLS 1.2 and 1.3; leave it out",
}, "[=VALUE]");

/** Returns a row for each name, with the value that it takes after `=`. */
function listFlags(table: Record<string, string>, value = ""): Flag[] {
  return Object.entries(table).flatMap(([names, help]) =>
    Array.from(names.matchAll(FLAG_REGEXP), (match): Flag => {
      const [, letter = "", name = "", takes = value] = match;
      return [letter, name, takes, help];
    })
  );
}
