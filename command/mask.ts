const SECRET = "***";
/** User and password of a URL, wherever it stands in a text. */
const USERINFO_REGEXP = /(https?:[/\\]*|[/\\]{2})[^/\\?#\s]*@/gi;
/** The value of a field that lets in who has it, with its folded lines. */
const FIELD_REGEXP =
  /^((?:proxy-)?authorization:[ \t]*(?:\S+[ \t]+(?=\S))?|(?:set-)?cookie:[ \t]*)(?!\r?\n(?![ \t]))(?:[^\n]|\n[ \t])+?(?=\r?(?:\n(?![ \t])|$(?![^])))/gim;

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
