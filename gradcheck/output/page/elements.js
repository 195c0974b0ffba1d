// Words and signs that every part of the page shares, and how elements are made: never from text that is parsed.

const DATA = JSON.parse(document.getElementById("data").textContent);

// By the digit that stands for a verdict in the data; the last is right, and too small for its relative error to count.
const { verdicts: VERDICTS, signs: SIGNS } = DATA;
const [SUBGRADIENT, UNRESOLVED, WRONG] = ["subgradient", "unresolved", "wrong"].map((word) => VERDICTS.indexOf(word));
const NEGLIGIBLE = VERDICTS.length - 1;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

// A relative error as the tables have it: 3.1e-11, 0.33, 0.
function relative(error) {
  if (error === null) return "not finite";
  if (error === 0) return "0";
  return error < 0.001 ? error.toExponential(1).replace(/-(\d)$/, "-0$1") : error.toPrecision(2);
}

// Which colour a relative error has: one for each power of ten.
function level(error) {
  const last = DATA.levels - 1;
  if (error === null) return last;
  if (error === 0) return 0;
  const power = Math.floor(Math.log10(error) + 1e-9);
  return Math.min(Math.max(power - DATA.lowest + 1, 0), last);
}
