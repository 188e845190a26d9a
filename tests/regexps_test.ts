// A regular expression that takes quadratic time lets a peer block the event
// loop with one long field.

import { assert, assertEquals } from "@std/assert";
import { FOLDERS, sourcesOf } from "./_sources.ts";

/**
 * No peer can make these inputs long: the name of an existing file, the user's
 * own command line, the style sheet of the listing.
 */
const READ_SHORT_TEXTS = ["file_fields.ts", "glob.ts", "html.ts"];
/** A regular expression literal, which follows an operator. */
const LITERAL_REGEXP =
  /(?<=[=(,:?&|!]\s*)\/((?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+)\/([a-z]*)/g;
const LENGTH = 20_000;
/** Linear time takes less than a hundredth of this, quadratic time more. */
const LIMIT_MS = 60;
const REPEATED = [" ", "\t", "\n", "a", "0", ",", ";", ".", "-", "%", '"']
  .concat(["\\", "/", ":", "=", "&", "*", "(", "[", "a,", ", ", "; ", '\\"']);

/** Finds the expressions that take too long, each with the text it repeats. */
function findSlow(source: string): string[] {
  const slow: string[] = [];
  for (const [, pattern = "", flags] of source.matchAll(LITERAL_REGEXP)) {
    const piece = REPEATED.find((piece) => {
      const many = piece.repeat(LENGTH / piece.length);
      return [
        `x${many}y\0`,
        `${many}\0`,
        `"${many}`,
        `;charset${many}\0`,
      ].some((text) =>
        // The machine may have been busy, but hardly three times in a row
        [1, 2, 3].every(() =>
          timeOf(new RegExp(pattern, flags), text) > LIMIT_MS
        )
      );
    });
    if (piece !== undefined) slow.push(`/${pattern}/ ${JSON.stringify(piece)}`);
  }
  return slow;
}

function timeOf(expression: RegExp, text: string): number {
  const started = performance.now();
  text.replace(expression, "");
  return performance.now() - started;
}

Deno.test("findSlow() finds an expression that takes quadratic time", () => {
  assert(findSlow("text.replace(/[ \\t]+$/, '')").length > 0);
  assertEquals(findSlow("text.replace(/^[ \\t]+/, '')"), []);
});

for (const folder of FOLDERS) {
  Deno.test(`${folder}/ has no regular expression that takes quadratic time`, () => {
    for (const { path, text } of sourcesOf(folder)) {
      if (READ_SHORT_TEXTS.some((name) => path.endsWith(`/${name}`))) continue;
      assertEquals(findSlow(text), [], path);
    }
  });
}
