/**
 * As servers write it, with more blanks and fewer quotes than the grammar has.
 */
const CHARSET_REGEXP = /;\s*charset\s*=\s*"?([\w.:-]+)/i;

/**
 * A decoder for the charset that a media type names; unknown ones are read as
 * UTF-8.
 */
export function decoderFor(type: string | null): TextDecoder {
  const charset = CHARSET_REGEXP.exec(type ?? "")?.[1];
  try {
    return new TextDecoder(charset);
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder();
    throw error;
  }
}
