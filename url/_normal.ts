import { NORMAL_HOST } from "./host.ts";
import { FRAGMENT_SET, PARAMS_SET, PATH_SET, USERINFO_SET } from "./percent.ts";

// Patterns for the parts of a URL, in order and each in its normal form
const USER = `[^${USERINFO_SET.characters}]+`;
const PORT = "(?!(?:80|443)(?:/|$))(?:[1-9][0-9]{0,3}|[1-5][0-9]{4})";
const ORIGIN = `(?:${NORMAL_HOST})(?::${PORT})?`;
const DOT_SEGMENT = String.raw`(?:\.|%2[Ee]){1,2}(?:[/?#]|$)`;
const SEGMENT = String.raw`(?!${DOT_SEGMENT})[^/\\${PATH_SET.characters}]*`;
const PARAMS = `[^${PARAMS_SET.characters}]*`;
const FRAGMENT = `[^${FRAGMENT_SET.characters}]*`;
const TAIL = String.raw`(?:/${SEGMENT})+(?:\?${PARAMS})?(?:#${FRAGMENT})?`;

const COMMON_REGEXP = new RegExp(`^https?://${ORIGIN}${TAIL}$`);
const RARE_REGEXP = new RegExp(
  `^https?://(?:${USER}(?::${USER})?@)?${ORIGIN}(?:${TAIL})?$`,
);
const HOST_START = "https://".length;
// The regular expression uses some stack for each segment.
const MAX_LENGTH = 4096;

/**
 * The fast path: returns the normal form of a URL that is in normal form
 * already, as nearly all are, or lacks only the slash after the host; null for
 * any other text.
 *
 * It may return null for a URL in normal form, but must never accept a text
 * that is not.
 */
export function normalUrl(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  if (COMMON_REGEXP.test(text)) return text;
  const hasPath = text.includes("/", HOST_START);
  if (hasPath && !text.includes("@")) return null;
  if (!RARE_REGEXP.test(text)) return null;
  return hasPath ? text : `${text}/`;
}
