// The panel beside a grid: the numbers of one entry.

class Panel {
  constructor(problem) {
    this.problem = problem;
    this.worst = new Map(problem.worst.map((entry) => [entry.at, entry]));
    this.element = make("section", { class: "panel", "aria-label": "The numbers of one entry" });
    if (problem.worst.some((entry) => entry.plot)) this.element.classList.add("with-plot");
  }

  show(at) {
    if (at === this.at) return;
    this.at = at;
    const entry = this.worst.get(at);
    const { classes } = this.problem;
    const verdict = this.verdictOf(at);
    const facts = make("dl");
    const add = (name, text) => {
      if (text !== "") facts.append(make("div", {}, make("dt", {}, name), make("dd", {}, text)));
    };
    const label = this.labelOf(at);
    if (label !== null) add("label", label === at % classes ? `${label}, this class` : `${label}`);
    if (entry) DATA.names.forEach((name, index) => add(name, entry.numbers[index]));
    else add("relative error", relative(this.problem.errors[at]));
    const title = make("h4", {}, `row ${Math.floor(at / classes)}, class ${at % classes}`);
    const sign = SIGNS[verdict] ? make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[verdict]) : null;
    title.append(" ", make("span", { class: `chip ${VERDICTS[verdict]}` }, sign, VERDICTS[verdict]));
    const remarks = this.remarks(verdict, entry).map((remark) => make("p", { class: "remark" }, remark));
    this.element.replaceChildren(title, facts, ...remarks);
    const picture = entry && entry.plot ? plot(entry) : null;
    if (picture) this.element.append(picture);
  }

  remarks(verdict, entry) {
    const remarks = [];
    if (verdict === SUBGRADIENT) {
      remarks.push("At a kink: dS is one subgradient, the difference another, so the relative error says nothing.");
    }
    if (verdict === UNRESOLVED) remarks.push("The bound is too wide to tell.");
    if (verdict === NEGLIGIBLE) {
      remarks.push("Right, and so small beside its bound that its relative error says nothing of the loss.");
    }
    if (!entry) remarks.push("All numbers are kept of the worst entries alone.");
    return remarks;
  }

  verdictOf(at) {
    return this.problem.verdicts ? Number(this.problem.verdicts[at]) : this.worst.get(at).verdict;
  }

  labelOf(at) {
    const { labels, classes } = this.problem;
    return labels ? labels[Math.floor(at / classes)] : null;
  }
}
