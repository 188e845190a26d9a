/**
 * What controls a terminal: C0 and C1 characters except tab and line end, and
 * characters that change the direction of text.
 */
const CONTROL_REGEXP =
  // deno-lint-ignore no-control-regex
  /\r(?=\n)|[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes a text safe to print: characters that control a terminal become escapes
 * such as `\u001b`, and CRLF becomes LF.
 */
export function escapeControls(text: string): string {
  return text.replace(
    CONTROL_REGEXP,
    (character, index) =>
      character === "\r" && text[index + 1] === "\n"
        ? ""
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Puts a text in quotes, on one line that is safe to print. */
export function quote(text: string): string {
  return escapeControls(JSON.stringify(text));
}
