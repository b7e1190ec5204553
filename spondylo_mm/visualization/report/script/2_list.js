// The table of images: sorted, filtered, one of them chosen.

// From the lowest level to the highest; slots stand in only where no vertebra has a level.
function range(image) {
  const named = image.vertebrae.filter((vertebra) => vertebra.level !== null);
  const levels = (named.length ? named : image.vertebrae).map(levelOf);
  if (levels.length < 2) return levels[0] ?? 'none found';
  return `${levels[0]}–${levels[levels.length - 1]}`;
}

const levelOf = (vertebra) => vertebra.level ?? `slot ${vertebra.slot}`;
const valueOf = (image, name, at) => image.measurements.find((row) => row.name === name && row.at === at)?.value ?? null;

// name, what it is sorted by (null goes last), what is shown, explanation
const COLUMNS = [
  ['Image', (image) => image.name, null, 'File name'],
  ['Review', (image) => image.rank, (image) => (image.review.length ? element('span', 'review', 'review') : element('span', DASH, 'none')),
    'Worst first: review needed, then by how doubtful the reported grades are'],
  ['Certainty', (image) => image.certainty, (image) => noted(image.largest ? percent(image.certainty) : DASH, image.least_certain),
    'Probability of the most doubtful grade of the image; 0 % where a slip could not be measured'],
  ['Largest slip', (image) => image.largest && Math.abs(image.largest.percent),
    (image) => (image.largest ? noted(`${slipText(image.largest.percent)}\u00a0%`, pairOf(image.largest)) : element('span', DASH, 'none')),
    '+ anterolisthesis, − retrolisthesis'],
  ['Grade', (image) => image.largest && image.largest.grade, (image) => element('span', image.largest ? data.grades[image.largest.grade] : DASH),
    'Meyerding grade of the largest slip'],
  ['Lordosis', (image) => valueOf(image, 'lordosis', 'L1/S1'), (image) => element('span', degrees(valueOf(image, 'lordosis', 'L1/S1'))), 'L1–S1'],
  ['Vertebrae', (image) => image.vertebrae.length, (image) => noted(String(image.vertebrae.length), range(image)), 'Number, lowest and highest'],
];

const pairOf = (slip) => `${slip.upper}/${slip.lower}`;
const degrees = (value, decimals = 0) => (value === null ? DASH : `${number(value, decimals)}°`);

function noted(text, note) {
  const span = element('span', text);
  if (note) span.append(' ', element('small', note));
  return span;
}

const body = document.querySelector('#images tbody');
const heads = [];
let sorting = { column: 1, descending: false };
let order = []; // the images shown, as sorted and filtered
let chosen = null;

function makeTable() {
  const head = document.querySelector('#images thead tr');
  COLUMNS.forEach(([name, , , title], column) => {
    const cell = element('th');
    const button = element('button', name);
    button.type = 'button';
    button.title = title;
    button.addEventListener('click', () => sortBy(column));
    cell.append(button);
    head.append(cell);
    heads.push(cell);
  });
  const lazily = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      entry.target.src = pictureOf(images[entry.target.dataset.number]);
      lazily.unobserve(entry.target);
    }
  }, { root: byId('table-pane'), rootMargin: '200px' });
  images.forEach((image, number) => {
    image.number = number;
    image.rank = number; // they come worst first
    image.row = element('tr');
    COLUMNS.forEach(([, , show], column) => {
      const cell = element('td');
      if (column === 0) {
        const thumbnail = element('img');
        thumbnail.alt = '';
        cell.title = visible(image.name);
        thumbnail.dataset.number = number;
        lazily.observe(thumbnail);
        const both = element('div');
        both.append(thumbnail, element('span', image.name));
        cell.append(both);
      } else cell.append(show(image));
      image.row.append(cell);
    });
    image.row.addEventListener('click', () => choose(image));
  });
  data.grades.forEach((grade, value) => byId('grade-filter').append(new Option(`grade ${grade}`, value)));
  byId('grade-filter').append(new Option('no slip measured', 'none'));
}

function sortBy(column) {
  sorting = { column, descending: sorting.column === column && !sorting.descending };
  refresh();
}

function compare(a, b) {
  const keyOf = COLUMNS[sorting.column][1];
  const [x, y] = [keyOf(a), keyOf(b)];
  if (x === y) return a.rank - b.rank;
  if (x === null) return 1;
  if (y === null) return -1;
  const sign = sorting.descending ? -1 : 1;
  return sign * (typeof x === 'string' ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
}

function matches(image) {
  const name = byId('name-filter').value.toLowerCase();
  const grade = byId('grade-filter').value;
  if (![image.name, visible(image.name)].some((each) => each.toLowerCase().includes(name))) return false;
  if (byId('review-filter').checked && !image.review.length) return false;
  return grade === '' || (grade === 'none' ? !image.largest : image.largest?.grade === Number(grade));
}

function refresh() {
  order = images.filter(matches).sort(compare);
  body.replaceChildren(...order.map((image) => image.row));
  heads.forEach((cell, column) => {
    if (column === sorting.column) cell.setAttribute('aria-sort', sorting.descending ? 'descending' : 'ascending');
    else cell.removeAttribute('aria-sort');
  });
  byId('count').textContent = order.length === images.length ? `${images.length} images` : `${order.length} of ${images.length} images`;
  byId('nothing').hidden = order.length > 0;
  byId('detail').hidden = order.length === 0; // else it would seem to be what was looked for
  if (order.length && !order.includes(chosen)) choose(order[0]);
}

function choose(image) {
  chosen?.row.classList.remove('chosen');
  chosen = image;
  image.row.classList.add('chosen');
  image.row.scrollIntoView({ block: 'nearest' });
  byId('name').textContent = visible(image.name);
  drawFilm(image);
  writeFacts(image);
}

function step(by) {
  const place = order.indexOf(chosen) + by;
  if (place >= 0 && place < order.length) choose(order[place]);
}
