// How long clients may use a file without asking again.

/** Cached for good, since another version would have another name. */
const HEX_REGEXP = /^[0-9a-f]{8,}$/i;
const BASE64URL_REGEXP = /^(?:\w{8,22}|[\w-]{8})$/;
// The hash of a build stands before the extension: app-3f2a9c1b.js, and
// app-3f2a9c1b.js.map with it
const HASHED_NAME_REGEXP = /[-.]([\w-]{8,})(?:\.\w+)(?:\.map)?$/;

/** Whether a part of a name looks like a hash, not like words. */
function isHash(part: string): boolean {
  if (!/\d/.test(part)) return false;
  return HEX_REGEXP.test(part) && /[a-f]/i.test(part) ||
    BASE64URL_REGEXP.test(part) && /[A-Z]/.test(part);
}

/** Whether a name carries the hash of its content. */
export function hasHash(name: string): boolean {
  let [, part] = HASHED_NAME_REGEXP.exec(name) ?? [];
  // A hash may have a dash of its own, and words with dashes before it
  for (; part !== undefined; [, part] = /-(.+)$/.exec(part) ?? []) {
    if (isHash(part)) return true;
  }
  return false;
}

/**
 * Writes the Cache-Control field of a file.
 *
 * HTML is always asked for again: it names the other files of a build, which
 * are gone after the next one.
 *
 * @param name The name of the file.
 * @param mediaType Its media type.
 * @param maxAge For how many seconds files may be used; null for none.
 */
export function cacheControlOf(
  name: string,
  mediaType: string,
  maxAge: number | null,
): string {
  const isHtml = /^(?:text\/html|application\/xhtml)/.test(mediaType);
  if (maxAge === null || isHtml) return "no-cache";
  return hasHash(name) ? `max-age=${maxAge}, immutable` : `max-age=${maxAge}`;
}
