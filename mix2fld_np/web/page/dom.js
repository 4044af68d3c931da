"use strict";
// Small helpers: elements, pictures of digits, controls.

const SVG = "http://www.w3.org/2000/svg";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The element with an id. */
function byId(id) {
  return document.getElementById(id);
}

/** A new HTML element with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "html") element.innerHTML = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A new SVG element. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A picture of numbers on a canvas: ink dark, what is below zero orange, white paper in any theme. */
function paint(canvas, values, width = SIDE, inked = signed) {
  const height = values.length / width,
    context = canvas.getContext("2d");
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const picture = context.createImageData(width, height);
  values.forEach((value, k) => picture.data.set([...inked(value), 255], 4 * k));
  context.putImageData(picture, 0, 0);
  return canvas;
}

const INK = [26, 32, 48],
  BELOW = [213, 94, 0],
  PAPER = [255, 255, 255];

/** Between paper and ink for 0 to 1, between paper and orange for what is below zero. */
function signed(value) {
  return between(PAPER, value < 0 ? BELOW : INK, Math.min(1, Math.abs(value)));
}

/** As a screen would show it: nothing is less than white. */
function clipped(value) {
  return signed(Math.max(0, value));
}

function between(from, to, share) {
  return from.map((value, k) => Math.round(value + share * (to[k] - value)));
}

/** A picture in a frame, with words for those who cannot see it. */
function pictureOf(values, words, inked = signed) {
  return paint(make("canvas", { class: "picture", role: "img", "aria-label": words }), values, SIDE, inked);
}

/** A group of buttons of which one is pressed. */
function choice(key, options, onChange) {
  const box = make("div", { class: `choice choice-${key}`, role: "radiogroup" });
  for (const [value, words, colour] of options) {
    const id = `${key}-${value}`;
    const input = make("input", { type: "radio", name: key, id, value, onchange: () => onChange(value) });
    box.append(input, make("label", { for: id, style: colour ? `--own: var(--${colour})` : "" }, words));
  }
  return box;
}

function showChoice(key, value) {
  const input = byId(`${key}-${value}`);
  if (input) input.checked = true;
  else for (const other of document.getElementsByName(key)) other.checked = false;
}

/** A slider with its symbol, name, value, and marks for what the letter prints. */
function slider(id, { symbol, name, values, marks = [], shown }, onChange) {
  const place = (value) => (nearest(values, value) / (values.length - 1)).toFixed(4);
  const ticks = marks.map((mark) =>
    make("i", { class: "mark", style: `--at: ${place(mark)}`, title: `the letter: ${shown(mark)}` }),
  );
  const output = make("output", { for: id });
  const input = make("input", {
    type: "range",
    id,
    min: 0,
    max: values.length - 1,
    step: 1,
    oninput: () => onChange(values[input.value]),
  });
  const box = make(
    "div",
    { class: "slider" },
    make("label", { for: id, html: `${name} <var>${symbol}</var>` }),
    output,
    make("div", { class: "track" }, input, ...ticks),
  );
  box.show = (value) => {
    input.value = nearest(values, value);
    input.style.setProperty("--at", place(value));
    output.textContent = shown(value);
    input.setAttribute("aria-valuetext", shown(value));
  };
  return box;
}

function nearest(values, value) {
  return values.reduce((best, own, k) => (Math.abs(own - value) < Math.abs(values[best] - value) ? k : best), 0);
}
