// The grid of relative errors: cells in the colour of their power of ten, one of them in the order of the Tab key.

// As many classes as have room for numbers; of more, cells are small and show signs alone.
const MOST_WITH_NUMBERS = 12;
const MOST_WITH_WIDE_NUMBERS = 6;
// Of more cells, those out of sight are not laid out, and the whole is not drawn before it comes into view.
const MOST_AT_ONCE = 1000;
// More than these are not printed.
const MOST_ROWS_PRINTED = 60;
const MOST_CLASSES_PRINTED = 40;
const MOST_SEEN_AT_ONCE = 60;

class Grid {
  constructor(problem, panel) {
    const { rows, classes, worst, verdicts } = problem;
    Object.assign(this, { problem, panel });
    this.numbers = classes <= MOST_WITH_NUMBERS;
    this.cells = [];
    this.at = worst.length ? worst[0].at : 0;
    this.flagged = Array.from(verdicts, Number).flatMap((v, at) => (v === WRONG || v === UNRESOLVED ? [at] : []));
    this.table = make("table", {
      class: this.numbers ? "grid numbers" : "grid",
      role: "grid",
      "aria-label": `Relative errors, ${rows} rows by ${classes} classes; arrow keys move`,
    });
    this.table.classList.toggle("narrow", classes > MOST_WITH_WIDE_NUMBERS);
    this.table.classList.toggle("long", rows * classes > MOST_AT_ONCE);
    this.build();
    this.listen();
    const large = rows > MOST_ROWS_PRINTED || classes > MOST_CLASSES_PRINTED;
    this.element = make("div", { class: large ? "board large" : "board" });
    if (large) this.element.append(make("p", { class: "printed-only" }, "This grid is too large to be printed."));
    this.element.append(make("div", { class: "frame" }, this.table), this.flaggedOnes(), legend());
    this.choose(this.at, false);
  }

  listen() {
    const onCells = (event, act) => {
      this.table.addEventListener(event, ({ target }) => {
        const cell = target.closest("td");
        if (cell) act((cell.parentElement.rowIndex - 1) * this.problem.classes + cell.cellIndex - 1);
      });
    };
    // Not mouseover: that is sent also where the keyboard scrolls a grid below a pointer that rests.
    onCells("mousemove", (at) => this.panel.show(at));
    onCells("click", (at) => this.choose(at, true));
    onCells("focusin", (at) => this.choose(at, false));
    this.table.addEventListener("mouseleave", () => this.panel.show(this.at));
    this.table.addEventListener("keydown", (event) => this.key(event));
  }

  build() {
    const { rows, classes, labels, errors, verdicts } = this.problem;
    const head = make("tr", { role: "row" }, make("th", { role: "columnheader" }, this.numbers ? "row" : ""));
    for (let column = 0; column < classes; column++) {
      const shown = this.numbers ? `class ${column}` : column % 5 === 0 ? `${column}` : "";
      head.append(make("th", { role: "columnheader", "aria-label": `class ${column}` }, shown));
    }
    const body = make("tbody", { role: "rowgroup" });
    for (let row = 0, at = 0; row < rows; row++) {
      const head = make("th", { role: "rowheader", "aria-label": `row ${row}` }, `${row}`);
      const line = make("tr", { role: "row" }, head);
      for (let column = 0; column < classes; column++, at++) {
        const verdict = Number(verdicts[at]);
        const isLabel = labels !== null && labels[row] === column;
        const error = relative(errors[at]);
        const cell = document.createElement("td");
        // At a kink, or where an entry is too small, the relative error means nothing, and has no colour.
        const colour = verdict === SUBGRADIENT || verdict === NEGLIGIBLE ? "plain" : `level-${level(errors[at])}`;
        cell.className = `${colour} ${VERDICTS[verdict]}${isLabel ? " label" : ""}`;
        cell.textContent = this.numbers ? [error, SIGNS[verdict]].filter(Boolean).join(" ") : SIGNS[verdict];
        const words = `row ${row}, class ${column}${isLabel ? ", the label" : ""}: relative error ${error}`;
        cell.setAttribute("aria-label", `${words}, ${VERDICTS[verdict]}`);
        cell.tabIndex = -1;
        cell.setAttribute("role", "gridcell");
        this.cells.push(cell);
        line.append(cell);
      }
      body.append(line);
    }
    this.table.append(make("thead", { role: "rowgroup" }, head), body);
  }

  choose(at, focus) {
    const before = this.cells[this.at];
    before.tabIndex = -1;
    before.removeAttribute("aria-selected");
    this.at = at;
    const cell = this.cells[at];
    cell.tabIndex = 0;
    cell.setAttribute("aria-selected", "true");
    this.panel.show(at);
    if (focus && document.activeElement !== cell) cell.focus();
  }

  // Scrolls the frame, not the page, to the entry that is shown.
  bringIntoView() {
    const frame = this.table.parentElement;
    const cell = this.cells[this.at];
    const { clientHeight: height, clientWidth: width } = frame;
    if (cell.offsetTop + cell.offsetHeight > height) frame.scrollTop = cell.offsetTop - height / 2;
    if (cell.offsetLeft + cell.offsetWidth > width) frame.scrollLeft = cell.offsetLeft - width / 2;
  }

  key(event) {
    if (event.altKey || event.metaKey || !event.target.closest("td")) return;
    const { rows, classes } = this.problem;
    const row = Math.floor(this.at / classes);
    const column = this.at % classes;
    const to = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      PageUp: [Math.max(row - 10, 0), column],
      PageDown: [Math.min(row + 10, rows - 1), column],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? rows - 1 : row, classes - 1],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    const [r, c] = to;
    if (r >= 0 && r < rows && c >= 0 && c < classes) this.choose(r * classes + c, true);
  }

  // Buttons to the entries that are wrong or unresolved, where there are too many others to see them at once.
  flaggedOnes() {
    const { flagged } = this;
    if (!flagged.length || this.cells.length <= MOST_SEEN_AT_ONCE) return "";
    const go = (by) => {
      const next = by > 0 ? flagged.find((at) => at > this.at) : flagged.findLast((at) => at < this.at);
      this.choose(next ?? flagged.at(by > 0 ? 0 : -1), true);
    };
    const button = (text, by) => {
      const element = make("button", { type: "button" }, text);
      element.addEventListener("click", () => go(by));
      return element;
    };
    const count = make("span", {}, `${flagged.length.toLocaleString("en")} wrong or unresolved`);
    return make("p", { class: "flagged" }, button("\u2190 previous", -1), button("next \u2192", 1), count);
  }
}

function legend() {
  return document.getElementById("legend").content.cloneNode(true);
}
