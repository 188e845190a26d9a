// What is inline in the page of a listing. The policy that the page is sent
// with allows these two texts, by their hashes.

/**
 * The pictures before the names: paths in a square of 16, and the colour of
 * their lines.
 */
const PICTURES = {
  folder: [
    '<path fill="#f5c95c" d="M1.5 3.5H6L7.5 5h7v8.5h-13z"/>',
    "#c08f24",
  ],
  up: [
    '<path d="M13 13V9.5q0-2.5-2.5-2.5H3.5M7 3.5 3.5 7 7 10.5"/>',
    "#8a93a0",
  ],
  file: ['<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3"/>', "#8a93a0"],
  text: [
    '<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M5.5 7.5h5M5.5 9.5h5M5.5 11.5h3"/>',
    "#8a93a0",
  ],
  image: [
    '<path d="M1.5 2.5h13v11h-13zM1.5 11.5l4-4 4 4 2-2 3 3"/><circle cx="10.5" cy="5.5" r="1"/>',
    "#3b9a68",
  ],
  audio: [
    '<path d="M6.5 12V3l6-1.5v9"/><circle cx="4.5" cy="12" r="2"/><circle cx="10.5" cy="10.5" r="2"/>',
    "#a75bbd",
  ],
  video: ['<path d="M1.5 3.5h13v9h-13zM6.5 6 10 8l-3.5 2z"/>', "#cf5a58"],
  archive: [
    '<path d="M2.5 5.5h11v9h-11zM1.5 1.5h13v4h-13zM6.5 8.5h3"/>',
    "#a2763d",
  ],
} as const;

/** A picture as a URL: no request is needed for it. */
function pictureUrl([shapes, colour]: readonly [string, string]): string {
  const image =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="${colour}" stroke-linejoin="round">${shapes}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(image)}`;
}

/** The picture in the tab of the browser. */
export const ICON: string = pictureUrl(PICTURES.folder);

const PICTURE_RULES = Object.entries(PICTURES).map(([name, picture]) =>
  `.${name}{background-image:url("${pictureUrl(picture)}")}`
).join("\n");

/**
 * The style of the page: light or dark as the reader's system is, and fit for a
 * phone.
 */
export const STYLE: string = `
:root{--paper:#fff;--ink:#1d2127;--faint:#5d6672;--line:#e3e7ec;--hover:#f2f6fc;--link:#0b57d0}
@media(prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#e6e9ee;--faint:#9ba5b3;--line:#2b313a;--hover:#1d232c;--link:#8cb4ff}}
*{box-sizing:border-box}
body{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible,input:focus-visible{outline:2px solid var(--link);outline-offset:1px;border-radius:3px}
header{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;margin-bottom:.5rem;padding:0 .5rem}
h1,caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
nav{flex:1 1 14rem}
ol{display:flex;flex-wrap:wrap;margin:0;padding:0;list-style:none;font-size:1.3rem;overflow-wrap:anywhere}
li:not(:last-child)::after{content:"/";margin:0 .4em;color:var(--faint)}
[aria-current]{color:inherit;font-weight:650}
label{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .6rem}
input{width:16rem;max-width:100%;padding:.4rem .7rem;border:1px solid var(--line);border-radius:.5rem;background:var(--hover);color:inherit;font:inherit}
input::placeholder{color:var(--faint);opacity:1}
output,footer{color:var(--faint);font-size:.9rem}
table{width:100%;border-collapse:collapse;table-layout:fixed}
th,td{padding:0 .5rem;font-weight:400;text-align:left;vertical-align:baseline}
thead th{position:sticky;top:0;z-index:1;background:var(--paper);box-shadow:inset 0 -1px var(--line)}
thead a{display:block;padding:.5rem 0;color:var(--faint);font-size:.9rem}
[aria-sort] a{color:var(--ink);font-weight:600}
[aria-sort=ascending] a::after{content:" \\2191"}
[aria-sort=descending] a::after{content:" \\2193"}
th:nth-child(2){width:6rem}
th:nth-child(3){width:10.5rem}
th+th,td{text-align:right;white-space:nowrap}
td{color:var(--faint);font-size:.9rem;font-variant-numeric:tabular-nums}
tbody tr{border-bottom:1px solid var(--line)}
tbody tr:hover{background:var(--hover)}
tbody a{display:block;padding:.5rem 0 .5rem 1.8rem;background:0 .6rem/1.2rem no-repeat;overflow-wrap:anywhere}
footer{padding:0 .5rem}
@media(max-width:36rem){
body{padding:1rem .25rem 2rem}
label,input{width:100%}
th:nth-child(2){width:4.7rem}
th:nth-child(3){width:6.2rem}
th,td,header,footer{padding:0 .4rem}
time span{display:none}
}
${PICTURE_RULES}
`;

/**
 * The script of the page: times of the reader's own zone, a box that filters by
 * name, and arrow keys between the links. Without it the page lacks these, and
 * nothing else.
 */
export const SCRIPT = `
"use strict";
const table = document.querySelector("table");
const rows = [...table.tBodies[0].rows].filter((row) => !("parent" in row.dataset));
const names = rows.map((row) => row.cells[0].textContent.toLowerCase());

for (const time of table.querySelectorAll("time")) {
  const date = new Date(time.dateTime);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  const iso = local.toISOString();
  time.firstChild.data = iso.slice(0, 10);
  time.lastChild.textContent = " " + iso.slice(11, 16);
}
table.querySelector("small").remove();

const label = document.createElement("label");
const box = document.createElement("input");
const found = document.createElement("output");
box.type = "search";
box.placeholder = "Filter";
box.setAttribute("aria-label", "Filter by name");
label.append(found, box);
document.querySelector("header").append(label);

const filter = () => {
  const wanted = box.value.toLowerCase();
  let count = 0;
  for (const [index, row] of rows.entries()) {
    row.hidden = !names[index].includes(wanted);
    if (!row.hidden) count++;
  }
  found.value = wanted === "" ? "" : count + " of " + rows.length;
};
box.addEventListener("input", filter);

const moveFocus = (steps) => {
  const links = [box, ...table.querySelectorAll("tbody tr:not([hidden]) a")];
  const next = links[links.indexOf(document.activeElement) + steps];
  if (next) next.focus();
};
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "/" && document.activeElement !== box) box.focus();
  else if (event.key === "Escape" && box.value) {
    box.value = "";
    filter();
  } else if (step && (document.activeElement === box || document.activeElement.closest("tbody"))) {
    moveFocus(step);
  } else return;
  event.preventDefault();
});
`;
