// The error of the plain central difference against its step, both by powers of ten: the V of truncation and rounding.

const PLOT = { width: 340, height: 236, left: 46, right: 328, top: 22, bottom: 194 };

// A figure; null where there is nothing to show.
function plot(entry) {
  const { step, bound, off } = entry.plot;
  const said = (name) => entry.numbers[DATA.names.indexOf(name)];
  const points = pointsOf(entry.plot);
  const levels = [];
  const dS = entry.verdict === WRONG ? off : 0;
  if (dS > 0) levels.push({ value: dS, text: `dS is off by ${relative(dS)}`, style: "off" });
  if (bound > 0) levels.push({ value: bound, text: `bound ${said("bound")}`, style: "bound" });
  const heights = [...points.map(({ error }) => error), ...levels.map(({ value }) => value)].filter((each) => each > 0);
  if (!points.length || !heights.length) return null;

  const across = powers(points.map((point) => point.step));
  const up = powers(heights);
  const x = (value) => between(across, Math.log10(value), PLOT.left, PLOT.right);
  // An error of 0 stands on the axis.
  const y = (value) => between(up, value > 0 ? Math.log10(value) : up[0], PLOT.bottom, PLOT.top);
  for (const point of points) Object.assign(point, { x: x(point.step), y: y(point.error) });

  const label = `Error of the plain central difference at ${points.length} steps from ${relative(points[0].step)} to ` +
    `${relative(points.at(-1).step)}; the step taken is ${said("step")}, the bound ${said("bound")}`;
  const viewBox = `0 0 ${PLOT.width} ${PLOT.height}`;
  const picture = draw("svg", { viewBox, class: "plot", role: "img", "aria-label": label });
  picture.append(...axes(across, up, x, y));
  const names = levels.map((each, at) => nameOf(each, levels.slice(0, at), points, y));
  for (const { value, style } of levels) picture.append(line(PLOT.left, y(value), PLOT.right, y(value), style));
  if (step > 0) picture.append(line(x(step), PLOT.top, x(step), PLOT.bottom, "taken"));
  const path = points.map((point) => `${point.x},${point.y}`).join(" ");
  picture.append(draw("polyline", { points: path, class: "curve" }));
  picture.append(...points.map(dot), ...names);
  return make("figure", {}, picture, make("figcaption", {}, caption(points, said("step"))));
}

// The steps that were tried, and the one that was taken, in order.
function pointsOf({ tried, step, error }) {
  const isTaken = (h) => Math.abs(h / step - 1) < 1e-3;
  const points = tried.map(([h, e]) => ({ step: h, error: e, taken: isTaken(h) }));
  if (step > 0 && !points.some(({ taken }) => taken)) points.push({ step, error, taken: true });
  const known = points.filter((point) => point.step > 0 && point.error !== null);
  return known.sort((one, other) => one.step - other.step);
}

function axes(across, up, x, y) {
  const { left, right, bottom } = PLOT;
  const parts = [line(left, bottom, right, bottom, "axis")];
  for (const power of ticks(up, 5)) {
    const at = y(10 ** power);
    parts.push(line(left, at, right, at, "rule"), words(left - 6, at + 3.5, `1e${power}`, "end"));
  }
  for (const power of ticks(across, 6)) {
    const at = x(10 ** power);
    parts.push(line(at, bottom, at, bottom + 4, "axis"), words(at, bottom + 16, `1e${power}`, "middle"));
  }
  parts.push(words((left + right) / 2, PLOT.height - 6, "step", "middle"), words(left, 10, "error", "end"));
  return parts;
}

// The words at a level line: above it unless the plot ends or others stand there, at the right unless the curve passes.
function nameOf({ value, text, style }, others, points, y) {
  const at = y(value);
  const isTaken = others.some((other) => y(other.value) <= at && at - y(other.value) < 26);
  const base = at > PLOT.top + 14 && !isTaken ? at - 5 : at + 12;
  const crowded = points.some((point) => point.x > PLOT.right - 120 && Math.abs(point.y - base + 4) < 14);
  return crowded ? words(PLOT.left + 5, base, text, "start", style) : words(PLOT.right, base, text, "end", style);
}

function dot({ step, error, taken, x, y }) {
  const style = taken ? "point taken" : error > 0 ? "point" : "point zero";
  const told = draw("title", {}, `step ${relative(step)}: error ${relative(error)}`);
  return draw("circle", { cx: x, cy: y, r: taken ? 5 : 3, class: style }, told);
}

function caption(points, step) {
  const zero = points.some(({ error }) => error === 0) ? " On the axis: no error at all." : "";
  return "Distance of the plain central difference from the numerical gradient. Long steps truncate, short ones " +
    `round; the ring and the upright line are the step taken, ${step}.${zero}`;
}

// The powers of ten around these values.
function powers(values) {
  const lowest = Math.floor(Math.log10(Math.min(...values)) - 0.05);
  return [lowest, Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...values)) + 0.05))];
}

// At most so many of them and one more, evenly.
function ticks([first, last], most) {
  const by = Math.ceil((last - first) / most);
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, at) => first + at * by);
}

// Where a power stands on the way from one end of an axis to the other, to a tenth.
function between([first, last], power, from, to) {
  return Math.round(10 * (from + ((power - first) / (last - first)) * (to - from))) / 10;
}

function line(x1, y1, x2, y2, style) {
  return draw("line", { x1, y1, x2, y2, class: style });
}

function words(x, y, text, anchor, style = "") {
  return draw("text", { x, y, "text-anchor": anchor, class: style }, text);
}
