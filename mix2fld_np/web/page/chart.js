"use strict";
// One picture with axes: curves, columns and dots, drawn anew in the pixels there are.

const ROOM = { left: 44, right: 14, top: 12, bottom: 38 };

/** An empty picture with axes; at(x, y) says where a point stands. */
function axes(svg, x, y, { words, room = ROOM }) {
  const width = svg.clientWidth || 300,
    height = svg.clientHeight || 200;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words);
  const inner = { width: width - room.left - room.right, height: height - room.top - room.bottom };
  const across = (value) => room.left + ((value - x.from) / (x.to - x.from)) * inner.width;
  const up = (value) => room.top + inner.height * (1 - (y.place ? y.place(value) : (value - y.from) / (y.to - y.from)));
  svg.replaceChildren();
  for (const tick of y.ticks) {
    svg.append(
      draw("line", { class: "grid", x1: room.left, x2: width - room.right, y1: up(tick), y2: up(tick) }),
      draw("text", { class: "tick", x: room.left - 7, y: up(tick) + 4, "text-anchor": "end" }, y.shown(tick)),
    );
  }
  for (const tick of x.ticks)
    svg.append(
      draw("text", { class: "tick", x: across(tick), y: height - 21, "text-anchor": "middle" }, x.shown(tick)),
    );
  svg.append(
    draw("text", { class: "tick", x: room.left + inner.width / 2, y: height - 5, "text-anchor": "middle" }, x.words),
  );
  return { svg, across, up, width, height, room, inner };
}

/** A line through points. */
function curve({ svg, across, up }, points, attributes) {
  if (points.length)
    svg.append(
      draw("polyline", {
        fill: "none",
        points: points.map(([a, b]) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`).join(" "),
        ...attributes,
      }),
    );
}

/** Round numbers from a to b, not more than `most`. */
function ticksBetween(from, to, most) {
  const rough = (to - from) / most,
    ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * ten).find((width) => width >= rough * 0.999);
  return range(Math.floor((to + 1e-9) / step) - Math.ceil((from - 1e-9) / step) + 1).map(
    (k) => (Math.ceil((from - 1e-9) / step) + k) * step,
  );
}

/** Places for labels, at least `gap` apart, near where they want to be. */
function apart(wanted, gap, most) {
  const order = wanted.map((at, k) => k).sort((a, b) => wanted[a] - wanted[b]),
    places = [...wanted];
  for (let k = 1; k < order.length; k++) places[order[k]] = Math.max(places[order[k]], places[order[k - 1]] + gap);
  const over = places[order.at(-1)] - most;
  return over > 0 ? places.map((at) => at - over) : places;
}
