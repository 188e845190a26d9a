import { writeSize } from "../../command/size.ts";
import { isCompressible, mediaTypeOf } from "../_files/file_fields.ts";
import { parseRequestPath } from "../_files/resolve.ts";
import {
  type Column,
  encodeName,
  type Entry,
  isNameless,
  type Listing,
  type ListingFormat,
  type Order,
  type Totals,
  writeOrder,
} from "./entries.ts";
import STYLE from "./page.css" with { type: "text" };
import SCRIPT from "./page.js" with { type: "text" };

/** The icon for the tab of the browser: the folder from the style. */
const [, ICON] = /\.folder [^"]*"([^"]*)"/.exec(STYLE)!;

/**
 * The listing as a web page. Every name could come from an attacker, so all are
 * escaped in text, and encoded in links.
 */
export const HTML_FORMAT: ListingFormat = {
  contentType: "text/html; charset=utf-8",
  start: writeStart,
  entry: writeRow,
  separator: "",
  end: `</tbody>
</table>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`,
};

/**
 * Makes the Content-Security-Policy of the page: it may use its own style and
 * script, and nothing else. Even a name that became markup could do nothing.
 */
export async function makePolicy(): Promise<string> {
  return `default-src 'none'; style-src '${await hashOf(STYLE)}'; ` +
    `script-src '${await hashOf(SCRIPT)}'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'";
}

async function hashOf(text: string): Promise<string> {
  const octets = new TextEncoder().encode(text);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
  return `sha256-${digest.toBase64()}`;
}

function writeStart(listing: Listing, totals: Totals): string {
  const { names, origin, order } = listing;
  const title = names.at(-1) ?? origin.slice(origin.lastIndexOf("/") + 1);
  const search = escapeText(writeOrder(order));
  const crumbs = breadcrumbs(names, search);
  const parent = `<a class="up" href="../${search}">Parent folder</a>`;
  const parentRow =
    `<tr data-parent><th scope="row">${parent}</th><td></td><td></td></tr>\n`;
  return `${pageStart(title, crumbs)}<p>${summaryOf(totals)}</p>
</header>
<main>
<table aria-label="Files in ${escapeText(title)}">
<thead><tr>
${columnHead("name", "Name", order)}
${columnHead("size", "Size", order)}
${columnHead("modified", "Modified<small> UTC</small>", order)}
</tr></thead>
<tbody>
${names.length === 0 ? "" : parentRow}`;
}

/**
 * Writes the page for an error, with links to the folders above it.
 *
 * @param text The plain text that other clients get: the status, and what was
 *   expected, each on its own line.
 * @param path The path of the request, percent-encoded.
 * @param urlRoot The names that precede those of the files in URLs.
 */
export function writeErrorPage(
  text: string,
  path: string,
  urlRoot: readonly string[],
): string {
  const { names = [], endsInSlash = true } = parseRequestPath(path) ?? {};
  const isInside = urlRoot.every((name, index) => name === names[index]);
  const below = names.slice(isInside ? urlRoot.length : 0);
  const directory = endsInSlash ? below : below.slice(0, -1);
  const [title = "", expected = ""] = text.split("\n");
  const shownPath = escapeText(`/${below.join("/")}`);
  const reason = title.startsWith("404")
    ? `There is nothing at <bdi>${shownPath}</bdi>.`
    : escapeText(expected);
  const parent = endsInSlash ? "../" : "./";
  const upLink = `<p><a class="up" href="${parent}">Parent folder</a></p>\n`;
  return `${pageStart(title, breadcrumbs(directory))}</header>
<main class="error">
<h2>${title}</h2>
${reason && `<p>${reason}</p>\n`}${below.length > 0 ? upLink : ""}</main>
</body>
</html>
`;
}

/**
 * Writes the start of a page, up to and including the links to other folders.
 *
 * @param title The title of the page.
 * @param crumbs Links to the folders above, as {@linkcode breadcrumbs} makes
 *   them.
 */
function pageStart(title: string, crumbs: string): string {
  const text = escapeText(title);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${text}</h1>
<nav aria-label="Breadcrumb"><ol>${crumbs}</ol></nav>
`;
}

/**
 * Writes links to the directories above a page and, last, to its own.
 *
 * @param names The names that lead to the directory of the page.
 * @param search The params of all links.
 */
function breadcrumbs(names: readonly string[], search = ""): string {
  const allNames = ["Home", ...names];
  return allNames.map((name, index) => {
    const levelsUp = allNames.length - 1 - index;
    const href = "../".repeat(levelsUp) || "./";
    const current = levelsUp === 0 ? ' aria-current="location"' : "";
    const label = `<bdi>${escapeText(name)}</bdi>`;
    return `<li><a href="${href}${search}"${current}>${label}</a></li>`;
  }).join("");
}

/** Writes a column head: a link that sorts by it, or reverses the order. */
function columnHead(column: Column, label: string, order: Order): string {
  const isSorted = order.column === column;
  // People want to see the largest and the newest first
  const isDescending = isSorted ? !order.isDescending : column !== "name";
  const search = escapeText(writeOrder({ column, isDescending }));
  const direction = order.isDescending ? "descending" : "ascending";
  const sort = isSorted ? ` aria-sort="${direction}"` : "";
  return `<th scope="col"${sort}><a href="./${search}">${label}</a></th>`;
}

function writeRow(entry: Entry, { order }: Listing): string {
  const { name, size, modified, isDirectory } = entry;
  const kind = isDirectory ? "folder" : kindOf(name);
  const search = isDirectory ? escapeText(writeOrder(order)) : "";
  const href = "./" + encodeName(entry).replaceAll("'", "%27") + search;
  const label = `<bdi>${escapeText(name)}</bdi>`;
  const link = isNameless(entry)
    ? `<span class="${kind}" title="Its name is not UTF-8">${label}</span>`
    : `<a class="${kind}" href="${href}">${label}</a>`;
  const sizeCell = size === null ? "" : writeSize(size);
  return `<tr><th scope="row">${link}</th>` +
    `<td>${sizeCell}</td><td>${formatTime(modified)}</td></tr>\n`;
}

/** The kinds of files that are recognized by name, not by media type. */
const KINDS_BY_NAME = [
  ["archive", /\.(?:7z|br|bz2|gz|rar|tar|tgz|xz|zip|zst)$/i],
  ["wasm", /\.wasm$/i],
  [
    "code",
    /\.(?:[cm]?[jt]s|[jt]sx|astro|bash|bat|c|cc|clj|cmd|cpp|cs|css|cxx|dart|elm|erl|exs?|fish|fs|go|gradle|groovy|h|hh|hpp|hs|html?|java|jl|json[5cl]?|kts?|less|lisp|lua|mm?|ml|nim|nix|php|pl|pm|proto|ps1|py|r|rb|rs|sass|scala|scss|sh|sql|svelte|swift|tf|toml|vb|vue|wat|xml|ya?ml|zig|zsh)$/i,
  ],
] as const;
const KINDS_BY_TYPE = ["image", "audio", "video", "font", "text"];
const BINARY_START = new Uint8Array(1);

/** Returns the CSS class of a file, which determines its icon. */
function kindOf(name: string): string {
  const byName = KINDS_BY_NAME.find(([, pattern]) => pattern.test(name));
  if (byName !== undefined) return byName[0];
  const type = mediaTypeOf(name, BINARY_START);
  const kind = KINDS_BY_TYPE.find((kind) => type.startsWith(kind));
  return kind ?? (isCompressible(type) ? "text" : "file");
}

function summaryOf({ folders, files, bytes }: Totals): string {
  const parts: string[] = [];
  if (folders > 0) parts.push(pluralize(folders, "folder"));
  if (files > 0) parts.push(pluralize(files, "file"), writeSize(bytes));
  return parts.join(", ") || "This folder is empty.";
}

function pluralize(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Writes a time in UTC; the script of the page converts it to local time. */
function formatTime(time: number | null): string {
  if (time === null) return "";
  const iso = new Date(time).toISOString();
  const [date = "", timeOfDay = ""] = iso.split("T");
  return `<time datetime="${iso}">${date} ${timeOfDay.slice(0, 5)}</time>`;
}

const MARKUP_REGEXP = /[&<>"']/g;
// Line ends and other control characters, and marks that change the direction
// of the text after them: all can make a name look like another
const INVISIBLE_REGEXP =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escapeText(text: string): string {
  return text
    .replace(MARKUP_REGEXP, (char) => `&#${char.charCodeAt(0)};`)
    .replace(INVISIBLE_REGEXP, "\ufffd");
}
