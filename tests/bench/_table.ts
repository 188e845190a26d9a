// Writes the results as Markdown.

import {
  type Cell,
  type Figure,
  isReached,
  OURS,
  type Result,
  type Row,
} from "./_measure.ts";

/** Writes a comparison as a heading, a table, and a note. */
export function tableOf(result: Result): string {
  const figures = result.figures.filter(({ key }) =>
    result.rows.some(({ cells }) => cells[key] !== undefined)
  );
  const head = ["", ...figures.flatMap(headsOf)];
  const lines = result.rows.map((row) =>
    row.problem === null
      ? [
        nameOf(row),
        ...figures.flatMap((figure) => cellsOf(figure, row, result)),
      ]
      : [nameOf(row), row.problem, ...head.slice(2).map(() => "")]
  );
  const table = [head, head.map((_, i) => i === 0 ? "---" : "---:"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const note = result.note === undefined ? "" : `\n${result.note}\n`;
  return `### ${result.title}\n\n${table}\n${note}`;
}

/** Describes the targets that were missed or not measured, one per line. */
export function missedTargets(results: readonly Result[]): string[] {
  return results.flatMap((result) =>
    (result.targets ?? []).flatMap((target) => {
      const reached = isReached(target, result);
      if (reached === true) return [];
      const row = result.rows.find(({ name }) => name === target.peer);
      const ratio = row?.cells[target.key]?.ratio;
      const found = ratio === undefined || ratio === null
        ? "not measured"
        : ratio.toFixed(2);
      return `${result.title}: ${target.key} against ${target.peer} ${found}, wanted ${target.ratio}`;
    })
  );
}

/** Writes a number for people. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function nameOf({ name }: Row): string {
  return name.startsWith(OURS) ? `**${name}**` : name;
}

function headsOf({ title, better }: Figure): string[] {
  return better === null ? [title] : [title, "ours ÷ it"];
}

function cellsOf(figure: Figure, row: Row, result: Result): string[] {
  const cell = row.cells[figure.key];
  const value = cell === undefined
    ? "–"
    : formatNumber(cell.median, figure.digits);
  return figure.better === null
    ? [value]
    : [value, ratioOf(figure, row, { cell, result })];
}

function ratioOf(
  figure: Figure,
  row: Row,
  { cell, result }: {
    readonly cell: Cell | undefined;
    readonly result: Result;
  },
): string {
  if (cell === undefined || cell.ratio === null || row.name === OURS) return "";
  const ratio = cell.ratio.toFixed(2);
  const target = result.targets?.find(({ key, peer }) =>
    key === figure.key && peer === row.name
  );
  if (target === undefined) return ratio;
  const sign = figure.better === "less" ? "≤" : "≥";
  const word = isReached(target, result) ? "reached" : "**missed**";
  return `${ratio} (${sign} ${target.ratio}: ${word})`;
}
