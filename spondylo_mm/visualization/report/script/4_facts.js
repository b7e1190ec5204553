// What was measured on the chosen image, in words and tables.

const MEASURED = {
  slip: 'slip', lordosis: 'lordosis', sacral_slope: 'sacral slope', segmental_angle: 'segmental angle', disc_angle: 'disc angle',
  disc_height_anterior: 'disc height', disc_height_middle: 'disc height', disc_height_posterior: 'disc height', wedge_ratio: 'wedge',
};

function writeFacts(image) {
  const facts = byId('facts');
  facts.replaceChildren(verdict(image), summary(image));
  if (image.slips.length) facts.append(element('h3', 'Slip'), slipTable(image));
  const pairs = image.measurements.filter((row) => row.name === 'segmental_angle' && row.value !== null).map((row) => row.at);
  if (pairs.length) facts.append(element('h3', 'Segments and discs'), pairTable(image, pairs));
  if (image.vertebrae.length) facts.append(element('h3', 'Vertebrae'), vertebraTable(image));
  const missing = image.measurements.filter((row) => row.reason);
  if (missing.length) facts.append(element('h3', 'Not measured'), reasons(missing));
}

function verdict(image) {
  if (!image.review.length) {
    if (image.slips.some((slip) => slip.interval)) return element('div', 'Nothing here asks for a second look.', 'say calm');
    return element('div', 'How uncertain these slips are is not known, nor whether one asks for a second look.', 'say');
  }
  const say = element('div', undefined, 'say doubt');
  const list = element('ul');
  list.append(...image.review.map((reason) => element('li', reason)));
  say.append(element('strong', 'Review needed'), list);
  return say;
}

function summary(image) {
  const list = element('dl');
  const add = (term, text, note) => {
    const value = element('dd', text);
    if (note) value.append(' ', element('small', note));
    list.append(element('dt', term), value);
  };
  const unknown = image.vertebrae.every((vertebra) => vertebra.level === null); // that above the last slot never has one
  if (!image.vertebrae.length) add('Vertebrae', 'No vertebra was found.');
  else add('Vertebrae', `${image.vertebrae.length}, ${range(image)}`, unknown && 'levels unknown: named by slot');
  add('Patient faces', image.facing === 'unknown' ? 'unknown' : image.facing, image.facing === 'unknown' || image.facing_confidence === null ? '' : percent(image.facing_confidence));
  for (const [name, at, label] of [['lordosis', 'L1/S1', 'Lordosis L1–S1'], ['lordosis', 'L4/S1', 'Lordosis L4–S1'], ['sacral_slope', 'S1', 'Sacral slope']]) {
    const row = image.measurements.find((each) => each.name === name && each.at === at);
    if (!row || row.value === null) add(label, DASH);
    else add(label, degrees(row.value, 1), interval(row.interval) + outside(row));
  }
  add('Pixels', `${image.width} × ${image.height}`, proportions(image));
  for (const [name, value] of Object.entries(image.ids ?? {})) add(name, value);
  return list;
}

function proportions(image) {
  if (image.spacing) return `${image.spacing.map((value) => Number(value.toFixed(4))).join(' × ')} mm (${image.spacing_source ?? 'source unknown'})`;
  return image.pixel_aspect === null ? 'taken to be square; size unknown' : `${image.pixel_aspect.toFixed(2)} times as wide as high; size unknown`;
}

function outside(row) {
  if (!row.normal) return '';
  const [low, high] = row.normal;
  if (low !== null && row.value < low) return ` below normal (${number(low, row.unit === 'ratio' ? 1 : 0)} and more)`;
  if (high !== null && row.value > high) return ` above normal (up to ${number(high, row.unit === 'ratio' ? 1 : 0)})`;
  return '';
}

function tableOf(heads, rows) {
  const table = element('table');
  const head = table.createTHead().insertRow();
  head.append(...heads.map((text) => element('th', text)));
  const content = table.createTBody();
  for (const row of rows) content.append(row);
  return table;
}

function rowOf(image, place, cells) {
  const row = element('tr');
  row.append(...cells.map((cell) => { const made = element('td'); made.append(cell); return made; }));
  if (place.includes('/')) {
    row.className = 'pair';
    row.title = 'Show this pair: click or Enter';
    row.tabIndex = 0;
    row.addEventListener('click', () => zoomToPair(image, place));
    row.addEventListener('keydown', (event) => { if (event.key === 'Enter') zoomToPair(image, place); });
  }
  return row;
}

function slipTable(image) {
  const inMm = image.slips.some((slip) => slip.mm !== undefined);
  const rows = image.slips.map((slip) => {
    const shares = (slip.grade_probabilities ?? []).map((share, grade) => [share, grade]).filter(([share]) => share >= 0.05).sort((a, b) => b[0] - a[0]);
    const spread = shares.map(([share, grade]) => `${data.grades[grade]}: ${percent(share)}`).join(', ');
    const grade = element('span', data.grades[slip.grade], slip.review_needed ? 'outside' : '');
    const cells = [pairOf(slip), noted(slipText(slip.percent), interval(slip.interval, slipText)), ...(inMm ? [number(slip.mm, 1)] : []), grade, element('small', spread || DASH)];
    const row = rowOf(image, pairOf(slip), cells);
    row.lastChild.className = 'wide';
    return row;
  });
  return tableOf(['', 'slip, %\n[95 %]', ...(inMm ? ['mm'] : []), 'grade', 'probability\nof grades'], rows);
}

function pairTable(image, pairs) {
  const rows = pairs.map((place) => {
    const value = (name, decimals) => number(valueOf(image, name, place), decimals);
    const heights = ['anterior', 'middle', 'posterior'].map((part) => value(`disc_height_${part}`, 0)).join(' / ');
    return rowOf(image, place, [place, ranged(image, 'segmental_angle', place), ranged(image, 'disc_angle', place), heights]);
  });
  return tableOf(['', 'segment, °\n[95 %]', 'disc, °\n[95 %]', 'disc height, %\nfront / middle / back'], rows);
}

function ranged(image, name, at) {
  const row = image.measurements.find((each) => each.name === name && each.at === at);
  return noted(number(row?.value, 1), row && interval(row.interval));
}

function vertebraTable(image) {
  const withSd = image.vertebrae.some((vertebra) => vertebra.sd !== null);
  const rows = [...image.vertebrae].reverse().map((vertebra) => {
    const wedge = image.measurements.find((row) => row.name === 'wedge_ratio' && row.at === vertebra.level);
    const note = wedge && wedge.value !== null ? outside(wedge) : '';
    const ratio = element('span', number(wedge?.value, 2), note ? 'outside' : '');
    ratio.title = note.trim();
    return rowOf(image, '', [levelOf(vertebra), percent(vertebra.presence), number(vertebra.score, 2), ...(withSd ? [number(vertebra.sd, 1)] : []), ratio]);
  });
  return tableOf(['', 'presence', 'corner\nscore', ...(withSd ? ['corner sd,\npx'] : []), 'wedge,\nfront/back'], rows);
}

// One line per reason and the places where it holds, with all that it keeps from being measured there.
function reasons(missing) {
  const placesOf = new Map(); // reason and name of the quantity -> places
  for (const row of missing) {
    const key = JSON.stringify([row.reason, MEASURED[row.name] ?? row.name]);
    if (!placesOf.has(key)) placesOf.set(key, new Set());
    placesOf.get(key).add(row.at);
  }
  const namesAt = new Map(); // reason and places -> names
  for (const [key, places] of placesOf) {
    const [reason, name] = JSON.parse(key);
    const line = JSON.stringify([reason, [...places]]);
    namesAt.set(line, [...(namesAt.get(line) ?? []), name]);
  }
  const list = element('ul', undefined, 'missing');
  for (const [line, names] of namesAt) {
    const [reason, places] = JSON.parse(line);
    list.append(element('li', `${names.join(', ')} of ${places.join(', ')}: ${reason}`));
  }
  return list;
}
