import { escapeControls, maskedHead, maskedUrl } from "../../command/quote.ts";
import type { TraceEvent } from "../trace.ts";
import { readOctets } from "./output.ts";

/** An event to draw; `failed` says why nothing comes after it. */
export type DrawnEvent =
  | TraceEvent
  | { readonly at: number; readonly type: "failed"; readonly text: string };
/** The CSS class of a row selects its arrow, if any. */
type Row = readonly [className: string, text: string, head?: string];
type Place = readonly [x: number, y: number, className: string];
/** A row, from the arrow of the one before at `top` to its own at `y`. */
type Span = readonly [top: number, y: number, className: string];

/** The distance between lifelines. */
const LANE = 530;
/** The margin on both sides. */
const MARGIN = 90;
/** The horizontal positions of the lifelines. */
const RESOLVER = MARGIN;
const CLIENT = RESOLVER + LANE;
const SERVER = CLIENT + LANE;
/** The height of the title and the names of the sides. */
const HEADER = 60;
/** The height of all waits together, if drawn to scale. */
const WHOLE_HEIGHT = 400;
/** The greatest height of a wait; a longer one is cut and marked. */
const MAX_HEIGHT = 140;
/** The height of a line, and of the gap below a row. */
const LINE = 16;
/** The maximum number of characters in a line. */
const MAX_LENGTH = 60;
/** Where addresses come from if a resolver is asked; these are classes too. */
const RESOLVER_SOURCES = ["system", "hosts"];
const STYLE = `<style>
svg{background:#fff;color:#1f2328;font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
text{fill:currentColor;white-space:pre;paint-order:stroke;stroke:#fff;stroke-width:4px}
.title{font-size:14px;font-weight:bold} .mid{text-anchor:middle} .end{text-anchor:end} .dim{opacity:.65}
path,rect{fill:none} .life,path.client,path.server,path.flow,path.both,path.system,path.hosts{stroke:currentColor}
rect.flow{fill:#218bff;fill-opacity:.15} .fail{color:#cf222e} path.fail{marker-start:url(#cross)}
path.client,path.both,path.system,path.hosts{marker-end:url(#tip)}
path.server,path.flow,path.both,path.system,path.hosts{marker-start:url(#tip)}
@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}text{stroke:#0d1117}.fail{color:#ff7b72}}
</style>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" orient="auto-start-reverse"><path class="life" d="M1 1 7 4 1 7"/></marker>
<marker id="cross" viewBox="0 0 8 8" refX="4" refY="-6" markerWidth="9" markerHeight="9"><path class="life fail" d="M1 1 7 7M1 7 7 1"/></marker>
`;

/** How each type of event is drawn; the others are left out. */
const ROWS: {
  readonly [type in DrawnEvent["type"]]?: (
    event: Extract<DrawnEvent, { readonly type: type }>,
  ) => Row;
} = {
  "resolve": ({ host, port }) => ["title", `Where is ${host}, port ${port}?`],
  "resolved": ({ addresses, source }) => [source, addresses.join(", ")],
  "connecting": ({ address }) => ["client", `connect to ${address}`],
  "connect-failed": ({ address, reason }) => ["fail", `${address}: ${reason}`],
  "connected": ({ local }) => ["server", `connected from ${local}`],
  "tunnel": ({ target, status }) => ["both", `tunnel to ${target}: ${status}`],
  "secured": ({ hostname }) => ["both", `TLS, for ${hostname}`],
  "reused": ({ uses }) => ["title", `Kept connection, request ${uses} on it`],
  "request-head": ({ bytes, text }) => ["client", `${bytes} bytes:`, text],
  "request-body": ({ sent }) => ["client", `body, ${sent} bytes`],
  "send-stopped": ({ reason }) => ["fail", `sending stopped: ${reason}`],
  "interim": ({ bytes, text }) => ["server", `${bytes} bytes:`, text],
  "response-head": ({ bytes, text }) => ["server", `${bytes} bytes:`, text],
  "body": ({ received }) => ["flow", `body, ${received} bytes`],
  "body-end": ({ reason }) => ["own", reason],
  "redirect": ({ status, to }) => ["own", `${status} leads to ${to}`],
  "kept": ({ reason }) => ["own", `kept open: ${reason}`],
  "closed": ({ by, reason }) => [by, `close: ${reason}`],
  "failed": ({ text }) => ["fail", text],
};

/**
 * Draws exchanges as a sequence diagram: a lifeline for each side, and between
 * them, from top to bottom, what was sent. Waits are to scale where the text
 * leaves room, but a long one is cut.
 *
 * @param events What happened.
 * @param url The URL as the user wrote it.
 * @returns An SVG, with credentials and cookies masked.
 */
export function drawSteps(events: readonly DrawnEvent[], url: string): string {
  const start = events[0]?.at ?? 0;
  const duration = (events.at(-1)?.at ?? start) - start;
  const scale = WHOLE_HEIGHT / (duration || 1);
  let svg = drawLifelines(events);
  let [y, bottom, last] = [0, HEADER, start];
  // If no resolver was asked, the drawing begins on the right of its lifeline
  let left = LANE;
  for (const event of events) {
    const row = ROWS[event.type]?.(event as never);
    if (row === undefined) continue;
    const wait = Math.floor(Math.min((event.at - last) * scale, MAX_HEIGHT));
    const top = y;
    y = Math.max(top + wait, bottom + (row[0] === "title" ? 2 * LINE : LINE));
    last = event.at;
    if (RESOLVER_SOURCES.includes(row[0])) left = 0;
    const lines = linesOf(row);
    bottom = y + lines.length * LINE;
    svg += drawRow(lines, [top, y, row[0]]);
    svg += write(`${last.toFixed(1)} ms`, [CLIENT - 12, y + LINE, "dim end"]);
    if (wait === MAX_HEIGHT) {
      svg += write("\u2248", [CLIENT, y - MAX_HEIGHT / 2, "title mid"]);
    }
  }
  const title = write(maskedUrl(url), [left + 20, 26, "title"]);
  const width = SERVER + MARGIN - left;
  const height = bottom + LINE;
  const size = `width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="${left} 0 ${width} ${height}">${STYLE}${svg}${title}</svg>\n`;
}

function drawLifelines(events: readonly DrawnEvent[]): string {
  const isProxied = events.some((event) =>
    event.type === "tunnel" ||
    event.type === "request-head" && /^\S+ http/.test(event.text)
  );
  const names = ["resolver", "client", isProxied ? "proxy" : "server"];
  return names.map((name, index) => {
    const x = MARGIN + index * LANE;
    const line = `<path class="life dim" d="M${x} 58V${10 ** 6}"/>\n`;
    return line + write(name, [x, 52, "title mid"]);
  }).join("");
}

/** Returns the lines of a row: its text, wrapped, and those of its head. */
function linesOf([, text, head = ""]: Row): string[] {
  const regexp = /(?! ).{1,59}(?: |$)|.{59}/gsu;
  const words = escapeControls(maskedUrl(text)).match(regexp) ?? [];
  const lines = readOctets(maskedHead(head)).split(/\r?\n/).slice(0, -2);
  return [...words, ...lines];
}

/** Draws a row: an arrow at `y`, lines below it, and the wait since `top`. */
function drawRow(lines: readonly string[], [top, y, className]: Span): string {
  const x = RESOLVER_SOURCES.includes(className) ? RESOLVER : CLIENT;
  const band = `x="${x}" y="${top}" width="${LANE}" height="${y - top}"`;
  const texts = lines.map((line, index) =>
    write(line, [16, y + LINE * (index + 1), className])
  );
  return `<rect class="${className}" ${band}/><path class="${className}" d="M${x} ${y}h${LANE}"/>
<svg x="${x}" width="${LANE}">${texts.join("")}</svg>\n`;
}

/** Writes a text, escaped for XML and cut to fit. */
function write(text: string, [x, y, className]: Place): string {
  const safe = escapeControls(text).replace(/[\ufffe\uffff]/g, "\ufffd");
  const cut = safe.length > MAX_LENGTH
    ? `${safe.slice(0, MAX_LENGTH - 1)}\u2026`
    : safe;
  const xml = cut.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<text x="${x}" y="${y}" class="${className}">${xml}</text>\n`;
}
