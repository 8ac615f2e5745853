"use strict";
const given = JSON.parse(document.getElementById("given").textContent);
const part = (name) => document.getElementById(name);
const canvas = part("picture");
const state = { quantity: 0, axis: 0, index: [], boxes: [], drag: null, zoom: null, places: [] };

// ---- unpacking

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpacked(volume) {
  const bytes = await inflated(volume.codes), n = bytes.length / 2, values = new Float32Array(n);
  const [low, high] = volume.range, step = (high - low) / 65534;
  for (let i = 0; i < n; i++) {
    const code = bytes[i] + 256 * bytes[n + i];
    if (code === 0) { values[i] = NaN; continue; }
    const value = low + (code - 1) * step;
    values[i] = volume.counts ? Math.sign(value) * Math.expm1(Math.abs(value)) : value;
    if (volume.whole && Math.abs(values[i]) * step < 0.4) values[i] = Math.round(values[i]);
  }
  volume.values = values;
  if (volume.filled) {
    const bits = await inflated(volume.filled);
    volume.estimated = (i) => (bits[i >> 3] >> (7 - (i & 7))) & 1;
  } else volume.estimated = () => 0;
  if (volume.surface) {
    for (const [name, kind] of [["corners", Float32Array], ["triangles", Int32Array], ["values", Float32Array], ["axes", Float32Array]]) {
      volume.surface[name] = new kind((await inflated(volume.surface[name])).buffer);
    }
  }
  return volume;
}

// ---- what is shown

const shown = () => given.panels.map((panel) => {
  const label = given.panels[0].volumes[state.quantity].label;
  return panel.volumes.find((volume) => volume.label === label)
    || panel.volumes[Math.min(state.quantity, panel.volumes.length - 1)];
});
const first = () => given.panels[0].volumes[state.quantity];
const others = (axis) => [0, 1, 2].filter((one) => one !== axis);
const logarithmic = () => first().counts && part("log").checked;

function sliceOf(volume, axis, index) {
  const [, rows, columns] = volume.shape, [down, across] = others(axis);
  const strides = [rows * columns, columns, 1];
  const height = volume.shape[down], width = volume.shape[across];
  const at = (i, j) => index * strides[axis] + i * strides[down] + j * strides[across];
  const hidden = !part("filled").checked;
  return {
    height, width,
    value: (i, j) => (hidden && volume.estimated(at(i, j)) ? NaN : volume.values[at(i, j)]),
    estimated: (i, j) => !hidden && volume.estimated(at(i, j)),
  };
}

function ends(volumes) {
  const low = Math.min(...volumes.map((one) => one.ends[0])), high = Math.max(...volumes.map((one) => one.ends[1]));
  return volumes[0].counts && !logarithmic() ? [0, 10 ** high - 1] : [low, high];
}

const scaled = (value) => (logarithmic() ? Math.log10(1 + Math.max(value, 0)) : value);

// ---- numbers in words

const ten = (power) => `10${[...String(power)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign])).join("")}`;
const number = (value) => {
  if (!Number.isFinite(value)) return "not known";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value).replace("-", "−");
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) {
    const [factor, power] = value.toExponential(2).split("e");
    return `${Number(factor)}·${ten(Number(power))}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
};
const coordinate = (volume, axis, index) => {
  const { first: start, step, unit } = volume.axes[axis], block = volume.block[axis];
  if (unit !== "index") return start + step * (index * block + (block - 1) / 2);
  return index * block;
};
const named = (volume, axis, index) => {
  const { name, unit } = volume.axes[axis], value = coordinate(volume, axis, index), block = volume.block[axis];
  if (unit !== "index") return `${name} = ${number(value)} ${unit}`;
  return block === 1 ? `${name} ${value}` : `${name} ${value} to ${Math.min(value + block, volume.size[axis]) - 1}`;
};

function ticks(low, high, most) {
  const span = high - low || 1, raw = span / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) found.push(Number((k * step).toPrecision(6)));
  return found;
}

// ---- drawing

const LEFT = 58, TOP = 22, BOTTOM = 40, BAR = 92;
const between = () => (part("same").checked ? 66 : 66 + BAR);

function layout(volumes) {
  const width = canvas.clientWidth, height = canvas.clientHeight, axis = state.axis, n = volumes.length;
  const [down, across] = others(axis), volume = volumes[0];
  const [top, bottom, left, right] = state.zoom || [0, volume.shape[down], 0, volume.shape[across]];
  const size = [down, across].map((one) => volume.axes[one].step * volume.block[one]);
  const room = [height - TOP - BOTTOM, (width - LEFT - BAR - between() * (n - 1)) / n];
  const scale = Math.min(room[0] / ((bottom - top) * size[0]), room[1] / ((right - left) * size[1]));
  const high = (bottom - top) * size[0] * scale, wide = (right - left) * size[1] * scale;
  return volumes.map((_, k) => ({ x: LEFT + k * (wide + between()), y: TOP, high, wide, top, bottom, left, right, up: volume.upwards }));
}

const toX = (place, j) => place.x + ((j - place.left) / (place.right - place.left)) * place.wide;
const toY = (place, i) => {
  const share = (i - place.top) / (place.bottom - place.top);
  return place.y + (place.up ? 1 - share : share) * place.high;
};
const fromXY = (place, x, y) => {
  const share = (y - place.y) / place.high;
  return [place.top + (place.up ? 1 - share : share) * (place.bottom - place.top),
    place.left + ((x - place.x) / place.wide) * (place.right - place.left)];
};

function image(volume, cut, [low, high]) {
  const colours = volume.palette, pixels = new ImageData(cut.width, cut.height), data = pixels.data;
  for (let i = 0, k = 0; i < cut.height; i++) {
    for (let j = 0; j < cut.width; j++, k += 4) {
      const value = cut.value(i, j);
      if (Number.isNaN(value)) continue;
      const colour = 3 * Math.max(0, Math.min(255, Math.round((255 * (scaled(value) - low)) / (high - low))));
      data[k] = colours[colour]; data[k + 1] = colours[colour + 1]; data[k + 2] = colours[colour + 2]; data[k + 3] = 255;
    }
  }
  const made = document.createElement("canvas");
  made.width = cut.width; made.height = cut.height;
  made.getContext("2d").putImageData(pixels, 0, 0);
  return made;
}

function outline(pen, place, cut) {
  pen.strokeStyle = given.outline; pen.lineWidth = 1; pen.beginPath();
  const is = (i, j) => i >= 0 && j >= 0 && i < cut.height && j < cut.width && cut.estimated(i, j);
  for (let i = 0; i <= cut.height; i++) {
    for (let j = 0; j <= cut.width; j++) {
      if (is(i, j) !== is(i - 1, j) && (is(i, j) || is(i - 1, j))) { pen.moveTo(toX(place, j), toY(place, i)); pen.lineTo(toX(place, j + 1), toY(place, i)); }
      if (is(i, j) !== is(i, j - 1) && (is(i, j) || is(i, j - 1))) { pen.moveTo(toX(place, j), toY(place, i)); pen.lineTo(toX(place, j), toY(place, i + 1)); }
    }
  }
  pen.stroke();
}

function rim(pen, place, volume, title) {
  const [down, across] = others(state.axis);
  pen.strokeStyle = pen.fillStyle = given.ink; pen.lineWidth = 1;
  pen.strokeRect(place.x, place.y, place.wide, place.high);
  const label = (axis) => `${volume.axes[axis].name} (${volume.axes[axis].unit})`;
  const along = (axis, low, high, most, draw) => {
    const half = 0.5 * volume.block[axis] * volume.axes[axis].step, begin = coordinate(volume, axis, low), step = volume.block[axis] * volume.axes[axis].step;
    const centre = volume.axes[axis].unit === "index" ? (volume.block[axis] - 1) / 2 : 0;
    const from = begin + centre - half;
    for (const tick of ticks(from, from + (high - low) * step, most)) draw(low + (tick - from) / step, number(tick));
  };
  pen.textAlign = "center"; pen.textBaseline = "top";
  along(across, place.left, place.right, place.wide / 60, (j, text) => {
    const x = toX(place, j); pen.fillRect(x, place.y + place.high, 1, 4); pen.fillText(text, x, place.y + place.high + 6);
  });
  pen.fillText(label(across), place.x + place.wide / 2, place.y + place.high + 22);
  pen.textAlign = "right"; pen.textBaseline = "middle";
  along(down, place.top, place.bottom, place.high / 40, (i, text) => {
    const y = toY(place, i); pen.fillRect(place.x - 4, y, 4, 1); pen.fillText(text, place.x - 6, y);
  });
  pen.save(); pen.translate(place.x - 46, place.y + place.high / 2); pen.rotate(-Math.PI / 2); pen.textAlign = "center";
  pen.fillText(label(down), 0, 0); pen.restore();
  pen.textAlign = "left"; pen.textBaseline = "bottom";
  pen.fillText(title, place.x, place.y - 5);
}

function bar(pen, volume, place, [low, high]) {
  const x = place.x + place.wide + 14, wide = 14;
  for (let k = 0; k < place.high; k++) {
    const colour = 3 * Math.round((255 * (place.high - 1 - k)) / Math.max(place.high - 1, 1));
    pen.fillStyle = `rgb(${volume.palette[colour]},${volume.palette[colour + 1]},${volume.palette[colour + 2]})`;
    pen.fillRect(x, place.y + k, wide, 1.5);
  }
  pen.fillStyle = given.ink; pen.textAlign = "left"; pen.textBaseline = "middle";
  const marks = [];
  if (logarithmic()) {
    marks.push([0, "0"]);
    for (let power = 0; Math.log10(1 + 10 ** power) <= high; power++) marks.push([Math.log10(1 + 10 ** power), power < 4 ? String(10 ** power) : ten(power)]);
  } else for (const tick of ticks(low, high, place.high / 45)) marks.push([tick, number(tick)]);
  for (const [value, text] of marks) {
    const y = place.y + place.high * (1 - (value - low) / (high - low));
    pen.fillRect(x + wide, y, 4, 1); pen.fillText(text, x + wide + 7, y);
  }
}

function fitting(pen, text, wide) {
  let shown = text;
  while (shown.length > 4 && pen.measureText(shown).width > wide) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

// ---- the surface: turned, its triangles drawn from the far ones to the near

const SURFACE = 3;
const LIGHT = [-0.4, 0.55, 0.73];
const times = (a, b) => [0, 1, 2].map((i) => [0, 1, 2].map((j) => a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j]));
function turned(byX, byY) { // about the vertical and the horizontal of the picture
  const [cx, sx, cy, sy] = [Math.cos(byX), Math.sin(byX), Math.cos(byY), Math.sin(byY)];
  return times([[1, 0, 0], [0, cy, -sy], [0, sy, cy]], [[cx, 0, sx], [0, 1, 0], [-sx, 0, cx]]);
}
state.turn = turned(-0.5, 0.4);

function seen(corners, turn) {
  const found = new Float32Array(corners.length);
  for (let i = 0; i < corners.length; i += 3) {
    for (let k = 0; k < 3; k++) found[i + k] = turn[k][0] * corners[i] + turn[k][1] * corners[i + 1] + turn[k][2] * corners[i + 2];
  }
  return found;
}

function solid(pen, volume, middle, scale, [low, high]) {
  const { triangles, values, corners } = volume.surface, at = seen(corners, state.turn), front = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
    const u = [at[b] - at[a], at[b + 1] - at[a + 1], at[b + 2] - at[a + 2]], v = [at[c] - at[a], at[c + 1] - at[a + 1], at[c + 2] - at[a + 2]];
    const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    if (normal[2] <= 0) continue;
    const lit = (normal[0] * LIGHT[0] + normal[1] * LIGHT[1] + normal[2] * LIGHT[2]) / Math.hypot(...normal);
    const value = (values[triangles[t]] + values[triangles[t + 1]] + values[triangles[t + 2]]) / 3;
    front.push({ depth: at[a + 2] + at[b + 2] + at[c + 2], corners: [a, b, c], shade: 0.74 + 0.26 * Math.max(lit, 0), value });
  }
  front.sort((one, other) => one.depth - other.depth);
  pen.lineWidth = 0.7;
  for (const { corners: three, shade, value } of front) {
    const k = 3 * Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
    pen.fillStyle = pen.strokeStyle = `rgb(${[0, 1, 2].map((i) => Math.round(shade * volume.palette[k + i])).join(",")})`;
    pen.beginPath();
    for (const i of three) pen.lineTo(middle[0] + scale * at[i], middle[1] - scale * at[i + 1]);
    pen.closePath(); pen.fill(); pen.stroke();
  }
}

function triad(pen, volume, x, y) {
  const arrows = seen(volume.surface.axes, state.turn), length = 26;
  pen.strokeStyle = pen.fillStyle = given.ink; pen.lineWidth = 1.5; pen.textAlign = "center"; pen.textBaseline = "middle";
  volume.axes.forEach(({ name }, k) => {
    const [right, up] = [arrows[3 * k], arrows[3 * k + 1]], far = Math.hypot(right, up) || 1, text = length * far + 8 + 2.6 * name.length * Math.abs(right / far);
    pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x + length * right, y - length * up); pen.stroke();
    if (far > 0.25) pen.fillText(name, x + text * (right / far), y - text * (up / far));
  });
}

function drawSurfaces(pen, volumes) {
  const width = canvas.clientWidth, side = Math.min(canvas.clientHeight - TOP - 10, (width - 20) / volumes.length - BAR - 20);
  const radius = Math.max(...volumes.map((volume) => {
    let most = 0;
    for (let i = 0; i < volume.surface.corners.length; i += 3) most = Math.max(most, Math.hypot(...volume.surface.corners.subarray(i, i + 3)));
    return most;
  }));
  volumes.forEach((volume, k) => {
    const x = 10 + k * (side + BAR + 20), limits = ends(part("same").checked ? volumes : [volume]);
    solid(pen, volume, [x + side / 2, TOP + side / 2], (0.44 * side) / radius, limits);
    triad(pen, volume, x + 44, TOP + side - 40);
    pen.fillStyle = given.ink; pen.textAlign = "left"; pen.textBaseline = "bottom";
    pen.fillText(given.panels.length > 1 ? `${given.panels[k].title}: ${volume.label}` : volume.label, x, TOP - 5);
    bar(pen, volume, { x, y: TOP + 20, wide: side, high: side - 40 }, limits);
  });
}

function draw() {
  const ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d"), volumes = shown();
  canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0); pen.font = "12px system-ui, sans-serif"; pen.imageSmoothingEnabled = false;
  state.places = [];
  if (state.axis === SURFACE) { drawSurfaces(pen, volumes); return; }
  state.places = layout(volumes);
  const index = state.index[state.axis];
  volumes.forEach((volume, k) => {
    const limits = ends(part("same").checked ? volumes : [volume]), place = state.places[k], cut = sliceOf(volume, state.axis, index);
    pen.save(); pen.beginPath(); pen.rect(place.x, place.y, place.wide, place.high); pen.clip();
    pen.fillStyle = volume.ground; pen.fillRect(place.x, place.y, place.wide, place.high);
    const [y0, y1] = [toY(place, 0), toY(place, cut.height)], x0 = toX(place, 0), x1 = toX(place, cut.width);
    pen.save(); pen.translate(x0, y0); pen.scale((x1 - x0) / cut.width, (y1 - y0) / cut.height);
    pen.drawImage(image(volume, cut, limits), 0, 0); pen.restore();
    outline(pen, place, cut);
    for (const box of drawnBoxes()) frame(pen, place, box);
    pen.restore();
    const title = given.panels.length > 1 ? `${given.panels[k].title}: ${volume.label}` : volume.label;
    rim(pen, place, volume, fitting(pen, title, place.wide + 33));
    if (!part("same").checked || k === volumes.length - 1) bar(pen, volume, place, limits);
  });
}

// ---- boxes: [first, after the last] of each axis, in voxels of the array

function drawnBoxes() { return state.drag ? [...state.boxes, boxOf(state.drag)] : state.boxes; }

function boxOf({ from, to }) {
  const volume = first(), box = [0, 1, 2].map((axis) => [0, volume.size[axis]]);
  others(state.axis).forEach((axis, k) => {
    const n = volume.shape[axis], inside = [from[k], to[k]].map((place) => Math.max(0, Math.min(n - 1, Math.floor(place))));
    const [low, high] = inside.sort((a, b) => a - b);
    box[axis] = [low * volume.block[axis], Math.min((high + 1) * volume.block[axis], volume.size[axis])];
  });
  if (part("one").checked) {
    const index = state.index[state.axis], block = volume.block[state.axis];
    box[state.axis] = [index * block, Math.min((index + 1) * block, volume.size[state.axis])];
  }
  return box;
}

function frame(pen, place, box) {
  const volume = first(), [down, across] = others(state.axis), at = state.index[state.axis] * volume.block[state.axis];
  if (at < box[state.axis][0] || at >= box[state.axis][1]) return;
  const [top, bottom] = box[down].map((end) => toY(place, end / volume.block[down]));
  const [left, right] = box[across].map((end) => toX(place, end / volume.block[across]));
  pen.fillStyle = "rgba(18,181,166,0.22)"; pen.strokeStyle = given.outline; pen.lineWidth = 2;
  pen.fillRect(left, top, right - left, bottom - top); pen.strokeRect(left, top, right - left, bottom - top);
}

function code(box) {
  const volume = first();
  const sides = box.map(([low, high], axis) => (low === 0 && high === volume.size[axis] ? ":" : `${low}:${high}`));
  return (volume.planar ? sides.slice(1) : sides).join(", ");
}

function tell() {
  const boxes = state.boxes, usable = !first().cropped;
  part("tools").hidden = !usable; part("code").hidden = !usable || boxes.length === 0;
  for (const name of ["undo", "clear", "zoom"]) part(name).disabled = boxes.length === 0;
  part("whole").disabled = state.zoom === null;
  if (boxes.length === 0) return;
  part("region").textContent = `.crop(np.s_[${code(boxes[boxes.length - 1])}])`;
  part("mask").textContent = ["mask = np.zeros(pattern.shape, bool)", ...boxes.map((box) => `mask[${code(box)}] = True`)].join("\n");
}

// ---- answers

function refresh() {
  const volume = first(), index = state.index[state.axis], sliced = state.axis !== SURFACE;
  if (sliced) {
    part("index").max = volume.shape[state.axis] - 1; part("index").value = index;
    part("place").textContent = `${named(volume, state.axis, index)} (${index + 1} of ${volume.shape[state.axis]})`;
  } else part("place").textContent = "drag to turn it";
  part("index").style.visibility = sliced ? "visible" : "hidden";
  canvas.style.cursor = sliced ? "crosshair" : "grab";
  part("slider-row").hidden = part("across").hidden = volume.planar;
  part("log-label").hidden = !volume.counts;
  part("filled-label").hidden = !shown().some((one) => one.filled);
  part("same-label").hidden = given.panels.length === 1;
  part("remark").textContent = volume.block.some((side) => side > 1)
    ? `Every pixel is ${volume.counts ? "the highest" : "the first"} of ${volume.block.join(" × ")} voxels; crop shows all of a part.` : "";
  tell(); draw();
}

function turnTo(axis) { state.axis = axis; state.zoom = null; refresh(); }

function show(quantity) {
  state.quantity = quantity; state.zoom = null;
  const volume = first(), same = state.index.length && state.shape === String(volume.shape);
  if (!same) { state.index = [...volume.start]; state.boxes = []; state.axis = 0; }
  state.shape = String(volume.shape);
  const solids = shown().every((one) => one.surface);
  if (!solids && state.axis === SURFACE) state.axis = 0;
  part("across").replaceChildren("slices across", ...[...volume.axes, ...(solids ? [{ name: "surface" }] : [])].map((axis, k) => {
    const label = document.createElement("label"), input = document.createElement("input");
    input.type = "radio"; input.name = "axis"; input.checked = k === state.axis; input.onchange = () => turnTo(k);
    label.append(input, ` ${axis.name}`);
    return label;
  }));
  refresh();
}

function under(event) {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  const k = state.places.findIndex((place) => x >= place.x && x < place.x + place.wide && y >= place.y && y < place.y + place.high);
  return k < 0 ? null : { k, at: fromXY(state.places[k], x, y) };
}

canvas.onpointermove = (event) => {
  if (state.turning) {
    state.turn = times(turned(0.01 * (event.clientX - state.turning[0]), 0.01 * (event.clientY - state.turning[1])), state.turn);
    state.turning = [event.clientX, event.clientY]; draw(); return;
  }
  const found = under(event);
  if (state.drag && found) { state.drag.to = found.at; draw(); }
  if (!found) { part("under").textContent = ""; return; }
  const [down, across] = others(state.axis), [i, j] = found.at.map(Math.floor), index = state.index[state.axis];
  const texts = shown().map((volume) => `${volume.label} ${number(sliceOf(volume, state.axis, index).value(i, j))}`);
  part("under").textContent = `${named(first(), down, i)}, ${named(first(), across, j)}: ${[...new Set(texts)].join(" | ")}`;
};
canvas.onpointerdown = (event) => {
  if (state.axis === SURFACE) { state.turning = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); return; }
  const found = under(event);
  if (!found || first().cropped) return;
  state.drag = { from: found.at, to: found.at }; canvas.setPointerCapture(event.pointerId);
};
canvas.onpointerup = () => {
  state.turning = null;
  if (!state.drag) return;
  const { from, to } = state.drag, moved = Math.abs(from[0] - to[0]) + Math.abs(from[1] - to[1]) > 0.5;
  if (moved) state.boxes.push(boxOf(state.drag));
  state.drag = null; tell(); draw();
};
part("index").oninput = (event) => { state.index[state.axis] = Number(event.target.value); refresh(); };
part("quantity").onchange = (event) => show(Number(event.target.value));
part("log").onchange = part("filled").onchange = part("same").onchange = () => refresh();
part("undo").onclick = () => { state.boxes.pop(); tell(); draw(); };
part("clear").onclick = () => { state.boxes = []; tell(); draw(); };
part("whole").onclick = () => { state.zoom = null; tell(); draw(); };
part("zoom").onclick = () => {
  const box = state.boxes.pop(), block = first().block, [down, across] = others(state.axis);
  state.zoom = [...box[down].map((end) => end / block[down]), ...box[across].map((end) => end / block[across])];
  tell(); draw();
};
for (const name of ["region", "mask"]) {
  part(`copy-${name}`).onclick = () => {
    getSelection().selectAllChildren(part(name)); document.execCommand("copy");
  };
}

async function begin() {
  for (const panel of given.panels) {
    for (const volume of panel.volumes) {
      await unpacked(volume);
      volume.palette = Uint8Array.from(atob(given.palettes[volume.colours]), (sign) => sign.charCodeAt(0));
    }
  }
  const options = given.panels[0].volumes.map((volume, k) => new Option(volume.label, k));
  part("quantity").replaceChildren(...options); part("quantity").hidden = options.length === 1;
  part("left").style.flexBasis = `${440 * given.panels.length}px`;
  show(0);
  window.addEventListener("resize", draw);
}
begin();
