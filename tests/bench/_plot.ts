// Draws the results: a panel of bars for each comparison, the longest on top.

import { OURS, type Result } from "./_measure.ts";
import { formatNumber } from "./_table.ts";

const PANEL_WIDTH = 470;
const NAME_WIDTH = 165;
const BAR_WIDTH = 200;
const ROW_HEIGHT = 22;
const TITLE_HEIGHT = 44;
const COLUMNS = 2;

/** The style, in the color scheme that the reader prefers. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .unit { fill: #57606a; font-size: 12px; }
  .peer { fill: #afb8c1; }
  .ours { fill: #1f6feb; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .unit { fill: #8d96a0; }
    .peer { fill: #57606a; }
    .ours { fill: #58a6ff; }
  }
`;

interface Bar {
  readonly name: string;
  readonly value: number;
}

/** Draws all comparisons that have a figure to draw. */
export function plotOf(results: readonly Result[]): string {
  const shown = results.filter(({ plot }) => plot !== undefined);
  const heights = [0, 0];
  const panels = shown.map((result, index) => {
    const column = index % COLUMNS;
    const bars = barsOf(result);
    const y = heights[column]!;
    heights[column] = y + TITLE_HEIGHT + (bars.length + 1) * ROW_HEIGHT;
    return `<g transform="translate(${column * PANEL_WIDTH} ${y})">${
      panelOf(result, bars)
    }</g>`;
  });
  const [width, height] = [PANEL_WIDTH * COLUMNS, Math.max(...heights)];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>Knock beside other servers: longer bars are better</title>
<style>${STYLE}</style>
${panels.join("\n")}
</svg>
`;
}

function barsOf({ rows, plot = "" }: Result): Bar[] {
  return rows
    .flatMap(({ name, cells }) => {
      const value = cells[plot]?.median;
      return value === undefined ? [] : { name, value };
    })
    .sort((a, b) => b.value - a.value);
}

function panelOf(result: Result, bars: readonly Bar[]): string {
  const figure = result.figures.find(({ key }) => key === result.plot)!;
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ name, value }, index) => {
    const y = TITLE_HEIGHT + index * ROW_HEIGHT;
    const width = Math.max(1, value / most * BAR_WIDTH).toFixed(1);
    const style = name.startsWith(OURS) ? "ours" : "peer";
    const text = formatNumber(value, figure.digits);
    return `<text x="${NAME_WIDTH - 8}" y="${y + 12}" text-anchor="end">${
      escape(name)
    }</text>
<rect class="${style}" x="${NAME_WIDTH}" y="${y}" width="${width}" height="16" rx="2"/>
<text x="${NAME_WIDTH + Number(width) + 6}" y="${y + 12}">${text}</text>`;
  });
  return `<text class="title" x="8" y="16">${escape(result.title)}</text>
<text class="unit" x="8" y="34">${escape(figure.title)}</text>
${rows.join("\n")}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
