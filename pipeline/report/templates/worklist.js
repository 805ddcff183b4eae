"use strict";
// Sorting and filtering of the rows; without it the page shows them all, worst first.
const body = document.getElementById("rows");
const form = document.getElementById("filters");
const count = document.getElementById("count");
const heads = [...document.querySelectorAll("th[data-key]")];
const fields = [...form.querySelectorAll("[data-filter]")];
const rows = [...body.rows].map((row, index) => ({ row, index, has: { ...row.dataset } }));
const number = new Intl.NumberFormat("en");
const holds = {
  finding: (has, wanted) => ` ${has.finding} `.includes(` ${wanted} `),
  study: (has, wanted) => has.study.includes(wanted),
};

function filter() {
  const wanted = fields.map((field) => [field.dataset.filter, field.value.trim()]).filter(([, value]) => value);
  let left = 0;
  for (const { row, has } of rows) {
    const fits = wanted.every(([key, value]) => (holds[key] ? holds[key](has, value) : has[key] === value));
    if (row.hidden === fits) row.hidden = !fits;
    left += fits;
  }
  count.textContent = wanted.length ? `${number.format(left)} of ${number.format(rows.length)} studies` : `${number.format(rows.length)} studies`;
}

function sort(head) {
  const { key, kind } = head.dataset;
  const now = head.getAttribute("aria-sort");
  const falling = now ? now === "ascending" : kind === "number";
  const words = new Intl.Collator("en", { numeric: true });
  const order = kind === "number" ? (a, b) => a.has[key] - b.has[key] : (a, b) => words.compare(a.has[key], b.has[key]);
  rows.sort((a, b) => (falling ? order(b, a) : order(a, b)) || a.index - b.index);
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  body.append(...rows.map(({ row }) => row));
}

for (const head of heads) {
  const button = head.querySelector("button");
  button.disabled = false;
  button.addEventListener("click", () => sort(head));
}
form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
if (matchMedia("(max-width:700px)").matches) document.querySelector(".plots")?.removeAttribute("open");
filter();
