const SPACE = 0x20;
const CONTROL_OR_SPACE_REGEXP = /[\0- ]/;
const TAB_OR_NEWLINE_REGEXP = /[\t\n\r]/;
const TABS_AND_NEWLINES_REGEXP = /[\t\n\r]+/g;

/**
 * Removes what people paste along with a URL: control characters and spaces at
 * both ends, tabs and line ends anywhere (URL standard 4.4).
 */
export function clean(input: string): string {
  if (!CONTROL_OR_SPACE_REGEXP.test(input)) return input;
  // First make it well-formed: two lone surrogates with a tab between them must
  // not become one character.
  const text = input.slice(...edges(input)).toWellFormed();
  return text.replace(TABS_AND_NEWLINES_REGEXP, "");
}

/** The index in the input of the character at `index` of the cleaned text. */
export function originalIndex(input: string, index: number): number {
  const [start, end] = edges(input);
  let original = start;
  for (let cleaned = 0; original < end; original++) {
    if (TAB_OR_NEWLINE_REGEXP.test(input.charAt(original))) continue;
    if (cleaned++ === index) break;
  }
  return original;
}

/** Where the input begins and ends without control characters and spaces. */
function edges(input: string): [start: number, end: number] {
  let start = 0;
  let end = input.length;
  while (start < end && input.charCodeAt(start) <= SPACE) start++;
  while (start < end && input.charCodeAt(end - 1) <= SPACE) end--;
  return [start, end];
}
