import { defaultPort } from "../../url/host.ts";
import type { Url } from "../../url/url.ts";

/** One part of a URL as it is drawn, with the delimiter before it. */
type Part = [name: string, before: string, text: string, meaning: string];

const IP_REGEXP = /^(?:\[.*\]|[\d.]+)$/;

/**
 * Draws the parts of a URL, and explains what each of them is for.
 *
 * @param text The URL as the user gave it.
 * @param url The URL as it was parsed.
 * @returns Several lines of text.
 */
export function drawAnatomy(text: string, url: Url): string {
  const parts = listParts(url);
  const width = Math.max(...parts.map(([, , text]) => text.length));
  const lines = [
    ...(text === url.href ? [] : [`${text} is read as`, ""]),
    ...drawParts(parts),
    "",
    ...parts.map(([name, , text, meaning], index) =>
      `${index + 1} ${name.padEnd(8)}  ${text.padEnd(width)}  ${meaning}`
    ),
    "",
    "What goes where:",
    ...listUses(url).flatMap(([step, use]) =>
      use === null ? [] : [`  ${step.padEnd(13)}  ${use}`]
    ),
    "",
  ];
  return lines.join("\n");
}

/** The URL, and below each part a bracket and its number. */
function drawParts(parts: readonly Part[]): string[] {
  let [line, marks, numbers] = ["", "", ""];
  for (const [index, [, before, text]] of parts.entries()) {
    const { length } = text;
    const gap = " ".repeat(before.length);
    const middle = Math.ceil((length + 1) / 2);
    line += before + text;
    marks += gap + (length < 2 ? "|" : `\\${"_".repeat(length - 2)}/`);
    numbers += gap + String(index + 1).padStart(middle).padEnd(length);
  }
  return [line, marks, numbers.trimEnd()];
}

function listParts(url: Url): Part[] {
  const { protocol, hostname, port, path, params, fragment } = url;
  const isTls = protocol === "https";
  const isIp = IP_REGEXP.test(hostname);
  const user = userOf(url);
  const ownPort = port === defaultPort(protocol) ? null : String(port);
  const host = isIp ? "an address already" : "the name of a computer";
  const rows: [string, string, string | null, string][] = [
    ["protocol", "", protocol, isTls ? "HTTP inside TLS" : "HTTP over TCP"],
    ["user", "://", user, "who asks; better left out of URLs"],
    ["host", user === null ? "://" : "@", hostname, host],
    ["port", ":", ownPort, "the program on that computer"],
    ["path", "", path, "what is asked of it"],
    ["params", "?", params, "more about it"],
    ["fragment", "#", fragment, "a place in the answer"],
  ];
  return rows.filter((row): row is Part => row[2] !== null);
}

/** What each step of a request uses; null if it is not taken. */
function listUses(url: Url): [step: string, use: string | null][] {
  const { protocol, hostname, port, host, path, params, fragment } = url;
  const isIp = IP_REGEXP.test(hostname);
  const address = isIp ? hostname : "one of them";
  const isDefault = port === defaultPort(protocol);
  const why = isDefault
    ? `, which is ${protocol}'s when the URL names none`
    : "";
  const tls = `is the certificate for ${hostname}?`;
  const target = params === null ? path : `${path}?${params}`;
  const basic = "Basic, with user and password in base64";
  const nothing = "nothing: there is no fragment";
  return [
    ["DNS", isIp ? "nothing to ask" : `which addresses has ${hostname}?`],
    ["connect", `${address}, port ${port}${why}`],
    ["TLS", protocol === "https" ? tls : null],
    ["request line", `GET ${target} HTTP/1.0`],
    ["Host", `Host: ${host}`],
    ["Authorization", userOf(url) === null ? null : basic],
    ["never leaves", fragment === null ? nothing : `#${fragment}`],
  ];
}

/** User and password as in the URL; null if there are none. */
function userOf({ username, password }: Url): string | null {
  if (password !== "") return `${username}:${password}`;
  return username === "" ? null : username;
}
