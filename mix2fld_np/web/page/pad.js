"use strict";
// A pad to draw a digit on, and the digit as the network sees it: 28 x 28, its middle where those of the data are.

/** Makes a canvas a pad; tells when the drawing has changed. */
function makePad(canvas, onChange) {
  const context = canvas.getContext("2d"),
    side = canvas.width;
  let last = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * side) / box.width, ((event.clientY - box.top) * side) / box.height];
  };
  const stroke = (to) => {
    Object.assign(context, { lineWidth: side / 13, lineCap: "round", lineJoin: "round", strokeStyle: "#1a2030" });
    context.beginPath();
    context.moveTo(...(last ?? to));
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
    last = to;
  };
  const clear = () => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, side, side);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(at(event));
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1)) return;
    stroke(at(event));
    onChange(asDigit(canvas));
  });
  canvas.addEventListener("pointerup", () => onChange(asDigit(canvas)));
  clear();
  return {
    clear() {
      clear();
      onChange(null);
    },
    show(image) {
      // a picture of the data instead of a drawing
      clear();
      const small = paint(make("canvas"), image);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, side, side);
      onChange(image);
    },
  };
}

/** A drawing as an image (784 numbers from 0 to 1), scaled to 20 pixels and centred by its mass; null if empty. */
function asDigit(canvas) {
  const side = canvas.width,
    { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
  const ink = (x, y) => 1 - data[4 * (y * side + x)] / 255;
  let [left, right, top, bottom, mass, sumX, sumY] = [side, -1, side, -1, 0, 0, 0];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const here = ink(x, y);
      if (here < 0.1) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      [mass, sumX, sumY] = [mass + here, sumX + here * x, sumY + here * y];
    }
  }
  if (mass < 20) return null;
  const zoom = 20 / (Math.max(right - left, bottom - top) + 1),
    small = make("canvas", { width: SIDE, height: SIDE });
  const context = small.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.imageSmoothingQuality = "high";
  context.setTransform(zoom, 0, 0, zoom, SIDE / 2 - zoom * (sumX / mass), SIDE / 2 - zoom * (sumY / mass));
  context.drawImage(canvas, 0, 0);
  const found = context.getImageData(0, 0, SIDE, SIDE).data;
  return Float32Array.from(range(PIXELS), (k) => 1 - found[4 * k] / 255);
}
