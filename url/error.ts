/**
 * Why a {@linkcode UrlError} was thrown.
 *
 * - `missing-protocol`: the text has no `http:` or `https:`, and there is no
 *   base URL
 * - `unknown-protocol`: the text has another scheme
 * - `missing-host`: the host is empty
 * - `forbidden-character`: the host contains a character that is not allowed
 * - `invalid-domain`: the host cannot be converted to ASCII (UTS #46)
 * - `invalid-ipv4`: the host ends in a number, but is not an IPv4 address
 * - `invalid-ipv6`: the host begins with `[`, but is not an IPv6 address
 * - `invalid-port`: the port is not a number from 0 to 65535
 *
 * @example Use your own wording
 * ```ts
 * import { parseUrl, UrlError, type UrlErrorCode } from "@knock/http/url";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const words: Partial<Record<UrlErrorCode, string>> = {
 *   "missing-protocol": "Begin with http://",
 * };
 * const { code } = assertThrows(() => parseUrl("example.com"), UrlError);
 * assertEquals(words[code], "Begin with http://");
 * ```
 *
 * @category URLs
 */
export type UrlErrorCode =
  | "missing-protocol"
  | "unknown-protocol"
  | "missing-host"
  | "forbidden-character"
  | "invalid-domain"
  | "invalid-ipv4"
  | "invalid-ipv6"
  | "invalid-port";

/**
 * The fields of a {@linkcode UrlError} besides its message.
 *
 * @example Report a rule of your own
 * ```ts
 * import { drawUrlError, UrlError } from "@knock/http/url";
 * import type { UrlErrorOptions } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const input = "http://knock.test/";
 * const code = "invalid-domain";
 * const options: UrlErrorOptions = { code, input, index: 7 };
 * const error = new UrlError('Cannot use host "knock.test"', options);
 * assertEquals(drawUrlError(error), `${input}\n       ^`);
 * ```
 *
 * @category URLs
 */
export type UrlErrorOptions = Pick<UrlError, "code" | "input" | "index">;

/**
 * Thrown when a text is not a valid http or https URL.
 *
 * @example See what is wrong and where
 * ```ts
 * import { parseUrl, UrlError } from "@knock/http/url";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(
 *   () => parseUrl("http://a.example:99999/"),
 *   UrlError,
 * );
 * assertEquals(error.code, "invalid-port");
 * assertEquals(error.index, 17);
 * assertEquals(
 *   error.message,
 *   'Cannot parse port "99999": expected a number from 0 to 65535',
 * );
 * ```
 *
 * @category URLs
 */
export class UrlError extends TypeError {
  /** Always `"UrlError"`. */
  override readonly name = "UrlError";
  /** Why the text was rejected. */
  readonly code: UrlErrorCode;
  /**
   * The text that was rejected, without what is never part of a URL: spaces and
   * control characters at its ends, tabs and line ends.
   */
  readonly input: string;
  /**
   * The index in {@linkcode input} at which parsing failed, in UTF-16 code
   * units.
   */
  readonly index: number;

  /**
   * Creates an error about one text.
   *
   * @param message Which part was rejected, and what was expected.
   * @param options The code, the text and the index.
   */
  constructor(message: string, options: UrlErrorOptions) {
    super(message);
    this.code = options.code;
    this.input = options.input;
    this.index = options.index;
  }
}

const UNPRINTABLE_REGEXP = /[^ -~]/gu;
const MAX_QUOTED = 60;

/**
 * Writes every character that is not printable ASCII as `\u{...}`: a control
 * character could control a terminal, and others can pass for ASCII.
 */
export function escapeText(text: string): string {
  return text.replace(
    UNPRINTABLE_REGEXP,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** Writes the message for a part of a URL that is not what was expected. */
export function mismatch(part: string, text: string, expected: string): string {
  const isLong = text.length > MAX_QUOTED;
  const quoted = escapeText(isLong ? `${text.slice(0, MAX_QUOTED)}...` : text);
  return `Cannot parse ${part} "${quoted}": expected ${expected}`;
}

/** The greatest width of a drawing, in columns. */
const COLUMNS = 76;

/**
 * Draws the rejected text for a terminal, with a caret under the character at
 * which parsing failed.
 *
 * Everything but printable ASCII is drawn as `\u{...}`, so that the text can
 * neither control the terminal nor shift the caret. If the text is long, only
 * the part around the caret is drawn.
 *
 * @param error The error that {@linkcode parseUrl} threw.
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
 *
 * @category URLs
 */
export function drawUrlError({ input, index }: UrlError): string {
  // Each character takes at least one column, so no more than this can fit.
  const before = escapeText(input.slice(Math.max(index - COLUMNS, 0), index));
  const after = escapeText(input.slice(index, index + COLUMNS));
  const left = before.slice(-COLUMNS / 2);
  const right = after.slice(0, COLUMNS - left.length);
  return `${left}${right}\n${" ".repeat(left.length)}^`;
}
