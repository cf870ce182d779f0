// Sortable tables and enlarged images. The page works as plain text without this script.
"use strict";

// ---- Tables ----

/** @param {string} text of a cell @returns {number} the leading number, NaN where there is none */
const figure = (text) => Number.parseFloat(text.replace("−", "-"));

/** @param {HTMLTableElement} table to sort by its headings: ascending, descending, original order */
function makeSortable(table) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) return;
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    if (!heading.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const now = { ascending: "descending", descending: null }[heading.ariaSort];
      for (const other of headings) other.removeAttribute("aria-sort");
      const order = now === undefined ? "ascending" : now;
      if (order) heading.setAttribute("aria-sort", order);
      body.append(...(order ? sorted(original, column, order === "ascending" ? 1 : -1) : original));
    });
  });
}

/** Rows by a column: numbers by value, words by the alphabet; in a column of numbers, cells without one come last. */
function sorted(rows, column, direction) {
  const text = (row) => row.cells[column].textContent.trim();
  const without = (row) => Number.isNaN(figure(text(row)));
  const byWords = (one, other) => direction * text(one).localeCompare(text(other), "en", { numeric: true });
  if (rows.filter(without).length * 2 >= rows.length) return rows.toSorted(byWords);
  const byFigures = (one, other) => direction * (figure(text(one)) - figure(text(other)));
  return rows.toSorted((one, other) =>
    without(one) || without(other) ? without(one) - without(other) : byFigures(one, other) || byWords(one, other),
  );
}

for (const table of document.querySelectorAll("main table")) {
  table.parentElement.setAttribute("aria-label", `Table: ${table.closest("section")?.querySelector("h2").textContent}`);
  makeSortable(table);
}

// ---- Pictures ----

const viewer = document.getElementById("viewer");
const stage = viewer.querySelector(".viewer-stage");
const image = document.getElementById("viewer-image");
const pictures = [...document.querySelectorAll("button.picture")];
let at = 0; // index of the image that is shown
let steps = 0; // of enlargement, each by a factor of 2; 0: fits the window

/** @returns {number} the scale at which the image fits the window; above 1, whole device pixels per pixel */
function fitting() {
  const room = stage.getBoundingClientRect();
  const times = Math.min((room.width - 2) / image.width0, (room.height - 2) / image.height0);
  const fine = window.devicePixelRatio;
  return times > 1 ? Math.max(1, Math.floor(times * fine) / fine) : times;
}

function draw() {
  const times = fitting() * 2 ** steps;
  const middle = [stage.scrollLeft + stage.clientWidth / 2, stage.scrollTop + stage.clientHeight / 2];
  const before = image.width || 1;
  image.width = Math.round(image.width0 * times);
  image.height = Math.round(image.height0 * times);
  image.classList.toggle("pixels", times >= 1);
  document.getElementById("viewer-scale").textContent = `${Math.round(100 * times)} %`;
  const growth = image.width / before;
  stage.scrollTo(middle[0] * growth - stage.clientWidth / 2, middle[1] * growth - stage.clientHeight / 2);
}

/** @param {number} which index of an image; wraps around at both ends */
function show(which) {
  at = (which + pictures.length) % pictures.length;
  const small = pictures[at].querySelector("img");
  const example = pictures[at].closest(".example");
  const scores = [...(pictures[at].closest("figure")?.querySelectorAll(".scores div") ?? [])];
  image.src = small.src;
  image.alt = small.alt;
  image.width0 = Number(small.getAttribute("width"));
  image.height0 = Number(small.getAttribute("height"));
  const textOf = (selector) => [...(example?.querySelectorAll(selector) ?? [])].map((part) => part.textContent).join(", ");
  document.getElementById("viewer-name").textContent = small.alt;
  document.getElementById("viewer-of").textContent = example ? `${textOf(".stem")} (${textOf(".chip")})` : "";
  document.getElementById("viewer-scores").textContent = scores
    .map((score) => [...score.children].map((part) => part.textContent).join(" "))
    .join("  ·  ");
  draw();
}

const actions = {
  previous: () => show(at - 1),
  next: () => show(at + 1),
  smaller: () => { steps = Math.max(steps - 1, 0); draw(); },
  larger: () => { steps = Math.min(steps + 1, 4); draw(); },
  fit: () => { steps = 0; draw(); },
  close: () => viewer.close(),
};
const keys = { ArrowLeft: "previous", ArrowRight: "next", "-": "smaller", "+": "larger", "=": "larger", 0: "fit" };

pictures.forEach((picture, which) => {
  picture.addEventListener("click", () => {
    steps = 0;
    viewer.showModal();
    show(which);
  });
});
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]();
  else if (event.target === viewer) viewer.close(); // outside the image
});
viewer.addEventListener("keydown", (event) => {
  const pans = steps > 0 && document.activeElement === stage && event.key.startsWith("Arrow");
  if (pans || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  actions[keys[event.key]]();
});
viewer.addEventListener("close", () => pictures[at].focus()); // the last image, not the first
window.addEventListener("resize", () => viewer.open && draw());
