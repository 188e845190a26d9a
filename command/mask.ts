const SECRET = "***";
/** User and password of a URL, wherever it stands in a text. */
const USERINFO_REGEXP = /(https?:[/\\]*|[/\\]{2})[^/\\?#\s]*@/gi;
const COOKIE = String.raw`(?:set-)?cookie:[ \t]*`;
/** Credentials, up to their scheme: what follows it lets in who has it. */
const CREDENTIALS = String.raw`(?:proxy-)?authorization:[ \t]*(?:\S+[ \t]+)?`;
/** A value, with the lines that it is folded into. */
const VALUE = String.raw`(?:[^\n]|\n[ \t])*[^\r\n]`;
const FIELD_REGEXP = new RegExp(`^(${COOKIE}|${CREDENTIALS})${VALUE}`, "gim");

/**
 * Makes a text with URLs fit to be shown to others: without user and password.
 */
export function maskedUrl(text: string): string {
  return text.replace(USERINFO_REGEXP, `$1${SECRET}@`);
}

/**
 * The same for the head of a message: cookies are left out too, and of
 * credentials all but their scheme.
 *
 * @param head The head, or some of its lines, with their ends.
 */
export function maskedHead(head: string): string {
  return maskedUrl(head.replace(FIELD_REGEXP, `$1${SECRET}`));
}
