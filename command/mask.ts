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
