// Makes texts safe to print: escapes what controls a terminal, masks secrets.

/**
 * What controls a terminal: C0 and C1 characters except tab and line end, and
 * characters that change the direction of text.
 */
const CONTROL_REGEXP =
  // deno-lint-ignore no-control-regex
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes a text safe to print: characters that control a terminal become escapes
 * such as `\u001b`, and CRLF becomes LF.
 */
export function escapeControls(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(
    CONTROL_REGEXP,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Puts a text in quotes, on one line that is safe to print. */
export function quote(text: string): string {
  return escapeControls(JSON.stringify(text));
}

const SECRET = "***";
/** The user and password of a URL, anywhere in a text. */
const USERINFO_REGEXP = /(https?:[/\\]*|[/\\]{2})[^/\\?#\s]*@/gi;
const COOKIE = String.raw`(?:set-)?cookie:[ \t]*`;
/** Credentials up to their scheme, which may be shown; the rest is secret. */
const CREDENTIALS = String.raw`(?:proxy-)?authorization:[ \t]*(?:\S+[ \t]+)?`;
/** A value, with all lines that it is folded into. */
const VALUE = String.raw`(?:[^\n]|\n[ \t])*[^\r\n]`;
const FIELD_REGEXP = new RegExp(`^(${COOKIE}|${CREDENTIALS})${VALUE}`, "gim");

/** Masks the user and password of each URL in a text. */
export function maskedUrl(text: string): string {
  return text.replace(USERINFO_REGEXP, `$1${SECRET}@`);
}

/**
 * Masks the same in the head of a message, and also its cookies and its
 * credentials except for their scheme.
 *
 * @param head The head, or some of its lines, with their ends.
 */
export function maskedHead(head: string): string {
  return maskedUrl(head.replace(FIELD_REGEXP, `$1${SECRET}`));
}
