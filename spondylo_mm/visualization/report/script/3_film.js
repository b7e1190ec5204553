// The radiograph of the chosen image, with what was found drawn on it.

const SVG = 'http://www.w3.org/2000/svg';
const film = byId('film');
const LAYERS = [['bodies', 'Outlines', true], ['endplates', 'Endplates', true], ['corners', 'Corners', true], ['levels', 'Levels', true], ['slips', 'Slip construction', true]];
const shown = Object.fromEntries(LAYERS.map(([name, , on]) => [name, on]));
const EDGES = [['TL', 'TR'], ['TR', 'BR'], ['BR', 'BL'], ['BL', 'TL']];
let view = null; // what of the picture is seen: x, y, width, height in its pixels

function draw(parent, tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// From pixels of the file to those of the picture, which may be smaller and has square pixels.
function toPicture(image, [x, y]) {
  return [((x + 0.5) * image.picture[0]) / image.width, ((y + 0.5) * image.picture[1]) / image.height];
}

function drawFilm(image) {
  const [width, height] = image.picture;
  film.replaceChildren();
  film.setAttribute('aria-label', `Radiograph ${visible(image.name)}`);
  draw(film, 'image', { width, height, href: pictureOf(image) });
  const layers = Object.fromEntries(LAYERS.map(([name]) => [name, draw(film, 'g', { class: name, visibility: shown[name] ? 'visible' : 'hidden' })]));
  image.vertebrae.forEach((vertebra) => drawVertebra(layers, image, vertebra));
  image.slips.forEach((slip) => drawSlip(layers.slips, image, slip));
  lookAt([0, 0, width, height]);
}

function drawVertebra(layers, image, vertebra) {
  const color = `rgb(${data.colors[vertebra.slot % data.colors.length]})`; // those above the last slot begin again
  const at = Object.fromEntries(Object.entries(vertebra.corners).map(([name, xy]) => [name, toPicture(image, xy)]));
  for (const [from, to] of EDGES.filter((edge) => edge.every((corner) => at[corner]))) {
    draw(layers.bodies, 'polyline', { points: `${at[from]} ${at[to]}`, stroke: color });
    if (from[0] === to[0]) line(layers.endplates, at[from], at[to], { stroke: color });
  }
  const points = Object.values(at);
  for (const [x, y] of points) draw(layers.corners, 'circle', { cx: x, cy: y, 'data-r': 3.2, fill: color });
  if (!points.length) return;
  const centre = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
  draw(layers.levels, 'text', { x: centre[0], y: centre[1], 'data-size': 13, 'text-anchor': 'middle', 'dominant-baseline': 'central', fill: color }, levelOf(vertebra));
}

// The slip as it is measured: the upper posterior-inferior corner, dropped on the lower superior endplate. Where it
// falls is known without any perpendicular: the slip is the share of the endplate from its posterior end.
function drawSlip(layer, image, slip) {
  const cornersOf = (level) => image.vertebrae.find((vertebra) => vertebra.level === level)?.corners;
  const [upper, lower] = [cornersOf(slip.upper), cornersOf(slip.lower)];
  const back = { left: 'R', right: 'L' }[image.facing];
  const front = { left: 'L', right: 'R' }[image.facing];
  const points = [upper?.['B' + back], lower?.['T' + back], lower?.['T' + front]];
  if (!points.every(Boolean)) return;
  const [corner, posterior, anterior] = points.map((xy) => toPicture(image, xy));
  const along = (share) => posterior.map((start, axis) => start + share * (anterior[axis] - start));
  const share = slip.percent / 100;
  const foot = along(share);
  line(layer, along(Math.min(-0.25, share - 0.1)), along(Math.max(1.05, share + 0.1)), { class: 'guide' });
  line(layer, corner, foot, { class: 'guide' });
  line(layer, posterior, foot, { class: 'slip' });
  if (slip.grade === 0) return;
  const outwards = back === 'R' ? 1 : -1;
  const [x, y] = along(Math.min(-0.3, share - 0.15)); // behind both lines, however far back they go
  const label = draw(layer, 'text', { x, y, 'data-size': 12, 'text-anchor': outwards > 0 ? 'start' : 'end', 'dominant-baseline': 'central' });
  draw(label, 'tspan', { x, dy: '-0.6em' }, `${slipText(slip.percent)} % `); // two lines: one is often cut by the edge
  draw(label, 'tspan', { x, dy: '1.2em' }, `grade ${data.grades[slip.grade]}`);
}

function line(parent, from, to, attributes) {
  draw(parent, 'line', { x1: from[0], y1: from[1], x2: to[0], y2: to[1], ...attributes });
}

// Dots and letters keep their size on the screen however large the film is drawn.
function lookAt(box) {
  view = box;
  film.setAttribute('viewBox', view.join(' '));
  const pixel = Math.max(view[2] / (film.clientWidth || 1), view[3] / (film.clientHeight || 1));
  film.querySelectorAll('[data-r]').forEach((dot) => dot.setAttribute('r', dot.dataset.r * pixel));
  film.querySelectorAll('[data-size]').forEach((text) => {
    text.setAttribute('font-size', text.dataset.size * pixel);
    text.setAttribute('stroke-width', 3 * pixel);
  });
}

function zoom(factor, centre = [view[0] + view[2] / 2, view[1] + view[3] / 2]) {
  const [width, height] = chosen.picture;
  const scale = Math.min(Math.max(view[2] / factor, width / 20), width) / view[2];
  if (!factor || view[2] * scale >= width) return lookAt([0, 0, width, height]);
  lookAt([centre[0] - (centre[0] - view[0]) * scale, centre[1] - (centre[1] - view[1]) * scale, view[2] * scale, view[3] * scale]);
}

function inPicture(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(film.getScreenCTM().inverse());
  return [point.x, point.y];
}

function zoomToPair(image, place) {
  const points = image.vertebrae.filter((vertebra) => place.split('/').includes(vertebra.level))
    .flatMap((vertebra) => Object.values(vertebra.corners)).map((xy) => toPicture(image, xy));
  if (!points.length) return;
  const low = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const high = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  const [width, height] = image.picture;
  const share = Math.min(1, Math.max(2.2 * (high[0] - low[0]) / width, 1.5 * (high[1] - low[1]) / height)); // with its label
  lookAt([(low[0] + high[0] - share * width) / 2, (low[1] + high[1] - share * height) / 2, share * width, share * height]);
}

function makeViewer() {
  LAYERS.forEach(([name, label, on], index) => {
    const box = element('input');
    box.type = 'checkbox';
    box.checked = on;
    box.id = `show-${name}`;
    box.addEventListener('change', () => {
      shown[name] = box.checked;
      film.querySelector(`g.${name}`)?.setAttribute('visibility', box.checked ? 'visible' : 'hidden');
    });
    const tag = element('label');
    tag.title = `key ${index + 1}`;
    tag.append(box, ` ${label}`);
    byId('toggles').append(tag);
  });
  film.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), inPicture(event));
  }, { passive: false });
  film.addEventListener('dblclick', () => zoom(0));
  let grip = null;
  film.addEventListener('pointerdown', (event) => {
    grip = inPicture(event);
    film.setPointerCapture(event.pointerId);
    film.classList.add('dragged');
  });
  film.addEventListener('pointermove', (event) => {
    if (!grip) return;
    const now = inPicture(event);
    lookAt([view[0] + grip[0] - now[0], view[1] + grip[1] - now[1], view[2], view[3]]);
  });
  for (const end of ['pointerup', 'pointercancel']) film.addEventListener(end, () => { grip = null; film.classList.remove('dragged'); });
  byId('zoom').querySelectorAll('button').forEach((button) => button.addEventListener('click', () => zoom(Number(button.dataset.zoom))));
  new ResizeObserver(() => view && lookAt(view)).observe(film); // also when it is shown again, and has a size again
}
