import { defaultPort } from "../../url/protocol.ts";
import type { Url } from "../../url/url.ts";

/** One part of a URL as it is drawn. */
interface Part {
  readonly name: string;
  readonly text: string;
  /** What stands between it and the part before, and belongs to neither. */
  readonly before: string;
  readonly meaning: string;
}

const IP_REGEXP = /^(?:\[.*\]|[\d.]+)$/;

/**
 * Draws the parts of a URL, and tells where each of them goes.
 *
 * @param text The URL as the user gave it.
 * @param url The URL as it was read.
 * @returns Several lines.
 */
export function drawAnatomy(text: string, url: Url): string {
  const parts = listParts(url);
  const [line, marks, numbers] = drawParts(parts);
  const width = Math.max(...parts.map((part) => part.text.length));
  const meanings = parts.map((part, index) =>
    `${index + 1} ${part.name.padEnd(8)}  ${
      part.text.padEnd(width)
    }  ${part.meaning}`
  );
  const journey = listJourney(url).map(([place, what]) =>
    `  ${place.padEnd(13)}  ${what}`
  );
  const readAs = text === url.href ? [] : [`${text} is read as`, ""];
  return [
    ...readAs,
    line,
    marks,
    numbers,
    "",
    ...meanings,
    "",
    "What goes where:",
    ...journey,
    "",
  ].join("\n");
}

function listParts(url: Url): Part[] {
  const { protocol, username, password, hostname, port, path } = url;
  const parts: Part[] = [];
  const add = (name: string, text: string, before: string, meaning: string) =>
    parts.push({ name, text, before, meaning });
  const isTls = protocol === "https";
  add("protocol", protocol, "", isTls ? "HTTP inside TLS" : "HTTP over TCP");
  if (username !== "" || password !== "") {
    const user = password === "" ? username : `${username}:${password}`;
    add("user", user, "://", "who asks; better left out of URLs");
  }
  const isFirst = parts.length === 1;
  const isIp = IP_REGEXP.test(hostname);
  const host = isIp ? "an address already" : "the name of a computer";
  add("host", hostname, isFirst ? "://" : "@", host);
  if (port !== defaultPort(protocol)) {
    add("port", String(port), ":", "the program on that computer");
  }
  add("path", path, "", "what is asked of it");
  if (url.params !== null) add("params", url.params, "?", "more about it");
  if (url.fragment !== null) {
    add("fragment", url.fragment, "#", "a place in the answer");
  }
  return parts;
}

function drawParts(parts: readonly Part[]): [string, string, string] {
  let [line, marks, numbers] = ["", "", ""];
  for (const [index, { text, before }] of parts.entries()) {
    const { length } = text;
    const gap = " ".repeat(before.length);
    const number = String(index + 1);
    line += before + text;
    marks += gap + (length < 2 ? "|" : `\\${"_".repeat(length - 2)}/`);
    numbers += gap +
      number.padStart(Math.ceil((length + 1) / 2)).padEnd(length);
  }
  return [line, marks, numbers.trimEnd()];
}

function listJourney(url: Url): [place: string, what: string][] {
  const { protocol, hostname, port, host, path, params, fragment } = url;
  const journey: [string, string][] = [];
  const isDefault = port === defaultPort(protocol);
  const isIp = IP_REGEXP.test(hostname);
  const target = params === null ? path : `${path}?${params}`;
  journey.push([
    "DNS",
    isIp ? "nothing to ask" : `which addresses has ${hostname}?`,
  ]);
  journey.push([
    "connect",
    `${isIp ? hostname : "one of them"}, port ${port}` +
    (isDefault ? `, which is ${protocol}'s when the URL names none` : ""),
  ]);
  if (protocol === "https") {
    journey.push(["TLS", `is the certificate for ${hostname}?`]);
  }
  journey.push(["request line", `GET ${target} HTTP/1.0`]);
  journey.push(["Host", `Host: ${host}`]);
  if (url.username !== "" || url.password !== "") {
    journey.push(["Authorization", "Basic, with user and password in base64"]);
  }
  journey.push([
    "never leaves",
    fragment === null ? "nothing: there is no fragment" : `#${fragment}`,
  ]);
  return journey;
}
