/**
 * The name of the flag that a name is likely to be a misspelling of. One that
 * says the opposite, such as `verbose` for `no-verbose`, is none; and letters
 * have no neighbours, since `-d` does what nobody meant by `-D`.
 */
export function findNearest(
  name: string,
  others: readonly string[],
): string | null {
  const [nearest] = others
    .map((other) => ({ other, edits: countEdits(name, other) }))
    .filter(({ edits }) => edits <= Math.ceil(name.length / 3))
    .filter(({ other }) => other.startsWith("no") === name.startsWith("no"))
    .sort((a, b) => a.edits - b.edits);
  return nearest?.other ?? null;
}

/** How many letters must be added, removed or changed (Levenshtein). */
function countEdits(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...from].entries()) {
    const line = [row + 1];
    for (let column = 0; column < to.length; column++) {
      line.push(Math.min(
        above[column]! + (letter === to[column] ? 0 : 1),
        above[column + 1]! + 1,
        line[column]! + 1,
      ));
    }
    above = line;
  }
  return above[to.length]!;
}
