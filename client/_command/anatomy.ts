import { isIpv4 } from "../../url/host.ts";
import type { Url } from "../../url/url.ts";
import { literalAddresses } from "../resolve.ts";
import { writeTarget } from "../route.ts";
import { sourceOfPort, SOURCES } from "./explain.ts";

/** What a typed URL may contain, and how that is read. */
const READINGS: readonly (readonly [RegExp, string])[] = [
  [/^(?!https?:)/i, "no protocol means http"],
  [/^[^?#]*\\/, "a backslash is read as a slash"],
  [/^(?:\w+:)?[/\\]*[^/\\?#]*@/, "before the @ is the user, not the host"],
  [/^(?:\w+:)?[/\\]*[^/\\?#]*[^\0-\x7f]/, "DNS is ASCII only: punycode"],
  [/^(?:http:.*:80|https:.*:443)(?=[/\\?#]|$)/i, "that port is the default"],
  [/^[^?#]*[/\\](?:\.|%2e){1,2}(?=[/\\?#]|$)/i, "/./ and /../ are resolved"],
];

/**
 * Explains how a URL differs from what was typed, or from what it looks like.
 *
 * @param text What was typed.
 * @param url How it is read.
 * @returns A line for each reason.
 */
export function explainReading(text: string, url: Url): string[] {
  const clean = text.trim().replace(/[\t\n\r]+/g, "");
  const isNumber = isIpv4(url.hostname) && !clean.includes(url.hostname);
  const reasons = READINGS.filter(([pattern]) => pattern.test(clean));
  return [
    ...text === url.href ? [] : [`${text} is read as ${url.href}`],
    ...text === clean ? [] : ["outer spaces, tabs and line ends are dropped"],
    ...reasons.map(([, reason]) => reason),
    ...isNumber ? [`a number as the host is an address: ${url.hostname}`] : [],
  ];
}

/** A part of a URL. Its delimiter is null if the part is not drawn. */
type Part = [name: string, delimiter: string | null, text: string, use: string];

/**
 * Draws the parts of a URL in the lecture's words, and lists finer ones under
 * their usual names, with the purpose of each.
 *
 * @param text The URL as the user gave it.
 * @param url The URL as it was parsed.
 * @returns Several lines of text.
 */
export function drawAnatomy(text: string, url: Url): string {
  const parts = listParts(url);
  const width = Math.max(...parts.map(([, , text]) => text.length));
  return [
    ...explainReading(text, url),
    ...drawParts(parts.filter(([, delimiter]) => delimiter !== null)),
    "",
    ...parts.map(([name, delimiter, text, use], index) => {
      const number = delimiter === null ? "-" : index + 1;
      return `${number} ${name.padEnd(13)}  ${text.padEnd(width)}  ${use}`;
    }),
    "",
    "What goes where:",
    ...listUses(url).map(([step, use]) => `  ${step.padEnd(13)}  ${use}`),
    "",
  ].join("\n");
}

/** Returns the URL, with a bracket and a number below each part. */
function drawParts(parts: readonly Part[]): string[] {
  let [line, brackets, numbers] = ["", "", ""];
  for (const [index, [, delimiter, text]] of parts.entries()) {
    const { length } = text;
    const gap = " ".repeat(delimiter!.length);
    const middle = Math.ceil((length + 1) / 2);
    line += delimiter + text;
    brackets += gap + (length < 2 ? "|" : `\\${"_".repeat(length - 2)}/`);
    numbers += gap + String(index + 1).padStart(middle).padEnd(length);
  }
  return [line, brackets, numbers.trimEnd()];
}

function listParts(url: Url): Part[] {
  const { protocol, hostname, host, path, params, filename, fragment } = url;
  const { username, password } = url;
  const user = password === "" ? username : `${username}:${password}`;
  const resource = user === "" ? host : `${user}@${host}`;
  const port = host.slice(hostname.length + 1);
  const parts: [string, string | null, string | null, string][] = [
    ["protocol", "", protocol, "the language: HTTP (https: inside TLS)"],
    ["resource name", "://", resource, "where it is"],
    ["path", "", path, "what to ask for there"],
    ["params", "?", params, "details of the question"],
    ["reference", "#", fragment, "a place in the response"],
    ["user", null, user || null, "who asks (Authorization); better left out"],
    ["host name", null, hostname, "the computer"],
    ["port", null, port || null, "the program on that computer"],
    ["file name", null, filename || null, "the end of the path"],
  ];
  return parts.filter((part): part is Part => part[2] !== null);
}

/** Lists what each step of a request uses. */
function listUses(url: Url): [step: string, use: string][] {
  const { href, hostname, port, host, path, fragment } = url;
  const literal = literalAddresses(hostname);
  const addresses = literal?.addresses.join(", then ") ?? "one of them";
  const lookup = `getaddrinfo looks up the addresses of ${hostname}`;
  const portSource = sourceOfPort(hostname, port, href);
  return [
    ["DNS", literal ? `${addresses}: ${SOURCES[literal.source]}` : lookup],
    ["connect", `${addresses}, port ${port}, ${portSource}`],
    ["request line", `GET ${writeTarget(path, url)} HTTP/1.0`],
    ["Host", `Host: ${host}`],
    ["never sent", fragment === null ? "nothing" : `#${fragment}`],
  ];
}
