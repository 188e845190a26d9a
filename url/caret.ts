import { escapeText, type UrlError } from "./error.ts";

/** How {@linkcode drawUrlError} draws. */
export interface DrawUrlErrorOptions {
  /**
   * How many columns the drawing may take, at least 20.
   *
   * @default {76}
   */
  readonly columns?: number;
}

const MIN_COLUMNS = 20;
const CUT = "...";

/**
 * Draws the text that was refused, with a caret under the character at which
 * parsing failed, for a terminal.
 *
 * Everything but printable ASCII is drawn as `\u{...}`, so that the text can
 * neither control the terminal nor shift the caret. Of a long text only the
 * part around the caret is drawn.
 *
 * @param error The error that {@linkcode parseUrl} threw.
 * @param options How wide the drawing may be.
 * @returns Two lines, without a line end after the second.
 *
 * @example Usage
 * ```ts
 * import { drawUrlError, parseUrl, UrlError } from "@knock/http/url";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => parseUrl("http://exa mple.com/"), UrlError);
 * assertEquals(drawUrlError(error), "http://exa mple.com/\n          ^");
 * ```
 */
export function drawUrlError(
  error: UrlError,
  options: DrawUrlErrorOptions = {},
): string {
  const columns = Math.max(options.columns ?? 76, MIN_COLUMNS);
  const { input, index } = error;
  // Each character takes a column or more, so no more than this can be shown.
  const before = escapeText(input.slice(Math.max(index - columns, 0), index));
  const after = escapeText(input.slice(index, index + columns));
  const left = cutLeft(before, Math.floor(columns / 2));
  const right = cutRight(after, columns - left.length);
  return `${left}${right}\n${" ".repeat(left.length)}^`;
}

function cutLeft(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return CUT + text.slice(text.length - columns + CUT.length);
}

function cutRight(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return text.slice(0, columns - CUT.length) + CUT;
}
