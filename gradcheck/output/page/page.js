// What the page does when it is open: draws what comes into view, copies, follows links, opens all for the printer.

const drawn = new Map();

function drawProblem(element) {
  if (drawn.has(element)) return drawn.get(element);
  const problem = DATA.problems[Number(element.dataset.place)];
  const around = element.querySelector(".close-up");
  if (!around) return null;
  const panel = new Panel(problem);
  const grid = problem.verdicts ? new Grid(problem, panel) : null;
  if (!grid) panel.show(problem.worst[0].at);
  around.prepend(...(grid ? [grid.element] : []), panel.element);
  around.classList.add("with-panel");
  if (grid) grid.bringIntoView();
  makeRowsChoose(element, (at) => (grid ? grid.choose(at, false) : panel.show(at)));
  drawn.set(element, grid);
  return grid;
}

// In the table of worst entries, a row's first cell shows that entry above.
function makeRowsChoose(element, choose) {
  const classes = DATA.problems[Number(element.dataset.place)].classes;
  for (const row of element.querySelectorAll(".worst tbody tr")) {
    const [first, second] = row.cells;
    const [r, c] = [Number(first.textContent), Number(second.textContent)];
    const button = make("button", { type: "button", "aria-label": `show row ${r}, class ${c}` }, first.textContent);
    button.addEventListener("click", () => choose(r * classes + c));
    first.replaceChildren(button);
  }
}

const watcher = new IntersectionObserver(
  (seen) => seen.filter((each) => each.isIntersecting).forEach((each) => drawProblem(each.target)),
  { rootMargin: "400px" },
);

// A large grid takes a moment: it waits until it is seen.
function whenOpen(element) {
  const { rows, classes, verdicts } = DATA.problems[Number(element.dataset.place)];
  if (!element.open || drawn.has(element)) watcher.unobserve(element);
  else if (!verdicts || rows * classes <= MOST_AT_ONCE) drawProblem(element);
  else watcher.observe(element);
}

for (const element of document.querySelectorAll("details.problem")) {
  element.addEventListener("toggle", () => whenOpen(element));
  whenOpen(element);
}

// A problem that a link leads to is opened.
function openAt(hash) {
  const target = hash ? document.getElementById(hash.slice(1)) : null;
  if (!target || !target.matches("details.problem")) return;
  target.open = true;
  target.scrollIntoView();
}
for (const link of document.querySelectorAll("a[href^='#']")) {
  link.addEventListener("click", () => openAt(link.hash));
}
addEventListener("hashchange", () => openAt(location.hash));
openAt(location.hash);

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copies);
    const told = (await copied(source)) ? "Copied" : "Press Ctrl+C";
    button.textContent = told;
    document.getElementById("told").textContent = told;
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// Whether the text of an element is on the clipboard; where it may not be, it is selected.
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}

const closed = [];
addEventListener("beforeprint", () => {
  closed.push(...document.querySelectorAll("details:not([open])"));
  closed.forEach((element) => (element.open = true));
  document.querySelectorAll("details.problem").forEach(drawProblem);
});
addEventListener("afterprint", () => closed.splice(0).forEach((element) => (element.open = false)));
