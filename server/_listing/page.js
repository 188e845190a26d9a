// The script of a listing. It shows times in the reader's time zone, filters by
// name, and moves between the links with the arrow keys. Without it the page
// lacks only these.
"use strict";
const table = document.querySelector("table");
const rows = [...table.querySelectorAll("tbody tr:not([data-parent])")];
// macOS writes an accent as a character of its own, and keyboards do not
const fold = (text) => text.toLowerCase().normalize();
const names = rows.map((row) => fold(row.cells[0].textContent));

// The Swedish format is 2026-11-28 02:21
const short = { dateStyle: "short", timeStyle: "short" };
const times = new Intl.DateTimeFormat("sv", short);
for (const time of table.querySelectorAll("time")) {
  time.textContent = times.format(new Date(time.dateTime));
}
table.querySelector("small").remove();

document.querySelector("header").insertAdjacentHTML(
  "beforeend",
  '<label><output></output><input type="search" placeholder="Filter" aria-label="Filter by name"></label>',
);
const box = document.querySelector("input");
const found = document.querySelector("output");

const filter = () => {
  const wanted = fold(box.value);
  rows.forEach((row, index) => row.hidden = !names[index].includes(wanted));
  const count = rows.filter((row) => !row.hidden).length;
  const nothing = "No name here contains \u201c" + box.value + "\u201d.";
  found.value = wanted && (count ? count + " of " + rows.length : nothing);
};
box.addEventListener("input", () => {
  filter();
  // Kept in the history entry, for when the reader comes back
  history.replaceState({ filter: box.value }, "");
});
box.value = history.state?.filter ?? "";
filter();

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const focused = document.activeElement;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "/" && focused !== box) box.focus();
  else if (event.key === "Escape" && box.value) {
    box.value = "";
    box.dispatchEvent(new Event("input"));
  } else if (step && focused.closest("label, tbody")) {
    const links = [box, ...table.querySelectorAll("tbody tr:not([hidden]) a")];
    links[links.indexOf(focused) + step]?.focus();
  } else return;
  event.preventDefault();
});
