// The script of a listing: times of the reader's own zone, a box that filters
// by name, and arrow keys between the links. Without it the page lacks these,
// and nothing else.
"use strict";
const table = document.querySelector("table");
const rows = [...table.tBodies[0].rows].filter((row) =>
  !("parent" in row.dataset)
);
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
const nothing = document.createElement("p");
box.type = "search";
box.placeholder = "Filter";
box.setAttribute("aria-label", "Filter by name");
label.append(found, box);
document.querySelector("header").append(label);
nothing.className = "nothing";
table.after(nothing);

const filter = () => {
  const wanted = box.value.toLowerCase();
  let count = 0;
  for (const [index, row] of rows.entries()) {
    row.hidden = !names[index].includes(wanted);
    if (!row.hidden) count++;
  }
  found.value = wanted === "" ? "" : count + " of " + rows.length;
  nothing.hidden = wanted === "" || count > 0;
  nothing.textContent = "No name here has \u201c" + box.value + "\u201d in it.";
};
box.addEventListener("input", () => {
  filter();
  // Kept with the entry of the history, for when the reader comes back
  history.replaceState({ filter: box.value }, "");
});
box.value = history.state?.filter ?? "";
filter();

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
    box.dispatchEvent(new Event("input"));
  } else if (
    step &&
    (document.activeElement === box || document.activeElement.closest("tbody"))
  ) {
    moveFocus(step);
  } else return;
  event.preventDefault();
});
