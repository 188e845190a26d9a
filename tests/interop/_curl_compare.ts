// Compares requests and cookies, and ignores differences that do not count.

import { octetsToText, textToOctets } from "../../message/_octets.ts";
import { linesOf } from "./_curl_case.ts";

/** Removes the lines that an expression of `<strip>` matches. */
export function without(expressions: readonly string[], text: string): string {
  return linesOf(text)
    .filter((line) =>
      !expressions.some((one) => new RegExp(one).test(line.replace(/\n$/, "")))
    )
    .join("");
}

/** Runs the Perl operations of `<strippart>` and similar parts. */
export function perl(operations: readonly string[], text: string): string {
  for (const operation of operations) {
    const program =
      'my $do = shift; while (<STDIN>) { eval $do; print if $_ ne "" }';
    const file = Deno.makeTempFileSync();
    Deno.writeFileSync(file, textToOctets(text));
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", 'perl -e "$1" "$2" <"$3"', "sh", program, operation, file],
    }).outputSync();
    Deno.removeSync(file);
    text = octetsToText(stdout);
  }
  return text;
}

/** Splits expected requests, whose length may be wrong after stripping. */
export function splitRequests(text: string): string[] {
  const requests: string[] = [];
  const first = /[A-Z][A-Za-z-]* \S+ HTTP\/1\.\d\r?\n/g;
  while (text !== "") {
    const body = text.indexOf("\r\n\r\n") + 4;
    if (body < 4) return [...requests, text];
    const [, length = 0] =
      /^Content-Length: *(\d+)/im.exec(text.slice(0, body)) ?? [];
    let end = body + Number(length);
    first.lastIndex = end;
    if (end < text.length && first.exec(text)?.index !== end) {
      first.lastIndex = body;
      end = first.exec(text)?.index ?? text.length;
    }
    requests.push(text.slice(0, end));
    text = text.slice(end);
  }
  return requests;
}

/** Normalizes a request, to remove differences that do not count. */
export function normalize(
  text: string,
  strips: readonly string[],
  operations: readonly string[],
): string {
  const whole = withoutChunks(withUsualBoundary(text));
  const stripped = perl(operations, without(strips, whole));
  const [head = "", ...rest] = stripped.split("\r\n\r\n");
  const [start = "", ...fields] = head.split("\r\n");
  const kept = fields.flatMap((field) => {
    const [, name = "", value = ""] = /^([^:]*):\s*(.*?)\s*$/s.exec(field) ??
      [];
    const usual = `${name}: ${value}`.toLowerCase();
    if (/^(proxy-)?connection: (keep-alive|close)$/.test(usual)) return [];
    if (usual === "expect: 100-continue") return [];
    if (/^user-agent: (curl|knock)\//.test(usual)) {
      return start.startsWith("CONNECT ") ? [] : [`${name}: (its own)`];
    }
    const isCookie = name.toLowerCase() === "cookie";
    const own = isCookie ? value.split("; ").sort().join("; ") : value;
    return [`${name}: ${own}`];
  });
  const body = rest.join("\r\n\r\n").replace(/[\r\n]+$/, "");
  const sorted = kept.sort((a, b) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1
  );
  return [start.replace(/HTTP\/1\.1$/, "HTTP/1.0"), ...sorted, "", body, ""]
    .join("\r\n");
}

/** Rewrites a chunked request as one with a length. */
function withoutChunks(text: string): string {
  const end = text.indexOf("\r\n\r\n") + 4;
  const head = text.slice(0, end);
  if (!/^Transfer-Encoding: *chunked/im.test(head)) return text;
  let [body, rest] = ["", text.slice(end)];
  for (;;) {
    const [line, hex] = /^([\da-f]+)[^\r]*\r\n/i.exec(rest) ?? [];
    const size = parseInt(hex ?? "0", 16);
    if (size === 0) break;
    body += rest.slice(line!.length, line!.length + size);
    rest = rest.slice(line!.length + size + 2);
  }
  const fields = head.replace(
    /\r\n(?:Transfer-Encoding|Content-Length):[^\r]*/gi,
    "",
  );
  return `${fields.slice(0, -2)}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Rewrites a form with a boundary as long as curl's. */
function withUsualBoundary(text: string): string {
  const [, boundary] =
    /^Content-Type: *multipart\/.*boundary="?([^\s";]+)/im.exec(text) ?? [];
  if (boundary === undefined) return text;
  const usual = text.replaceAll(boundary, `${"-".repeat(24)}${"x".repeat(22)}`);
  const body = usual.length - usual.indexOf("\r\n\r\n") - 4;
  return usual.replace(/^(Content-Length: )\d+/im, `$1${body}`);
}

export function same(wanted: string, got: string): boolean {
  const [match, ...words] = /%alternatives\[([^,]*),([^\]]*)\]/.exec(wanted) ??
    [];
  return match === undefined
    ? wanted === got
    : words.some((word) => same(wanted.replace(match, word), got));
}

/** Whether two files have the same cookies, except for curl's 400-day cap. */
export function sameCookies(wanted: string, got: string): boolean {
  const [one, other] = [wanted, got].map((text) =>
    linesOf(text).filter((line) => line.includes("\t"))
      .map((line) => line.replace(/\n$/, "").split("\t"))
      .sort((a, b) => rank(a) < rank(b) ? -1 : 1)
  );
  if (one!.length !== other!.length) return false;
  return one!.every((fields, index) => {
    const [cap] = /\d+/.exec(/^%alt.*/.exec(fields[4] ?? "")?.[0] ?? "") ?? [];
    const isCapped = cap !== undefined && Number(other![index]![4]) >= +cap;
    const own = isCapped ? fields.with(4, other![index]![4]!) : fields;
    return own.join("\t") === other![index]!.join("\t");
  });
}

const rank = (fields: readonly string[]) => fields.toSpliced(4, 1).join("\t");
