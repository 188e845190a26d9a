// Octets and text. Heads are octets (RFC 9112 section 2.2): each becomes the
// character with the same number (ISO-8859-1) and vice versa, so that none is
// lost or merged with its neighbour. TextDecoder cannot do this, because its
// "latin1" is windows-1252. But nearly all heads are ASCII, which is valid
// UTF-8, and the platform decodes UTF-8 much faster than a loop does.

import { ESCAPES } from "../url/percent.ts";

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Decodes octets as ISO-8859-1. */
export function octetsToText(bytes: Uint8Array, start = 0, end = bytes.length) {
  const octets = bytes.subarray(start, end);
  let text = decoder.decode(octets);
  // Decoded as UTF-8, other octets become U+FFFD, or fewer characters
  if (text.length === octets.length && !text.includes("\ufffd")) return text;
  text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}

/** Percent-encodes the characters that match, each as one octet. */
export function escapeOctets(text: string, pattern: RegExp): string {
  return text.replace(pattern, (char) => ESCAPES[char.charCodeAt(0)]!);
}

/** Encodes text as ISO-8859-1; all its characters must be below U+0100. */
export function textToOctets(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length);
  putOctets(text, octets);
  return octets;
}

/** Encodes text as ISO-8859-1 into memory that has room for it. */
export function putOctets(text: string, memory: Uint8Array): void {
  const { read, written } = encoder.encodeInto(text, memory);
  if (read === text.length && written === read) return; // it was ASCII
  for (let i = 0; i < text.length; i++) memory[i] = text.charCodeAt(i);
}

/**
 * Quotes text from the network for an error message: at most 60 characters,
 * with control characters escaped.
 */
export function quote(text: string): string {
  const cut = text.length > 60 ? text.slice(0, 57) + "..." : text;
  return JSON.stringify(cut).replace(
    /[\x7f-\x9f]/g,
    (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

/**
 * Removes optional white space from both ends: SP and HTAB, and nothing else
 * (RFC 9110 section 5.6.3).
 */
export function trimOws(text: string, start = 0, end = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isOws(text.charCodeAt(from))) from++;
  while (to > from && isOws(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Whether a character is optional white space. */
export function isOws(code: number): boolean {
  return code === SP || code === HTAB;
}

// token = 1*tchar (RFC 9110 section 5.6.2)
const TOKEN_REGEXP = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether the text is a token: a method, a field name, a coding. */
export function isToken(text: string): boolean {
  return TOKEN_REGEXP.test(text);
}

/**
 * Whether a field name stands in a text at an index, in any case. It is a loop
 * because lowercasing would copy both texts for each field of each head.
 */
export function isNameAt(start: number, text: string, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const found = text.charCodeAt(start + i);
    const wanted = name.charCodeAt(i);
    if (found !== wanted && toLower(found) !== toLower(wanted)) return false;
  }
  return true;
}

function toLower(code: number): number {
  const isUpper = code >= 0x41 && code <= 0x5a; // A to Z
  return isUpper ? code + 0x20 : code;
}

// field-value = *( SP / HTAB / VCHAR / obs-text ) (RFC 9110 section 5.5)
const FIELD_TEXT_REGEXP = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Whether the text is allowed in a field value or reason phrase: no control
 * character but HTAB, nothing above U+00FF.
 */
export function isFieldText(text: string): boolean {
  return FIELD_TEXT_REGEXP.test(text);
}

// Text, or quoted strings (RFC 9110 section 5.6.4); the last may lack its end
const QUOTED = String.raw`"(?:\\.|\\$|[^"\\])*(?:"|$)`;
const MEMBER_REGEXP = new RegExp(`(?:${QUOTED}|[^",])+`, "gs");
const PARAMETER_REGEXP = new RegExp(`(?:${QUOTED}|[^";])+`, "gs");

/**
 * Splits a list at its commas, except within quoted strings, and omits empty
 * members (RFC 9110 section 5.6.1); or parameters at their semicolons.
 */
export function splitList(value: string, separator: "," | ";" = ","): string[] {
  const pattern = separator === "," ? MEMBER_REGEXP : PARAMETER_REGEXP;
  const members = value.match(pattern) ?? [];
  return members.map((text) => trimOws(text)).filter((text) => text !== "");
}
