// Keys and buttons; then the page is filled.

const STEPS = { ArrowRight: 1, ArrowDown: 1, j: 1, ArrowLeft: -1, ArrowUp: -1, k: -1 };

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input[type=search], select')) return;
  if (!order.length) return; // there is no film
  if (event.key in STEPS) { step(STEPS[event.key]); event.preventDefault(); }
  else if (event.key === '+') zoom(1.4);
  else if (event.key === '-') zoom(1 / 1.4);
  else if (event.key === '0') zoom(0);
  else if (event.key >= '1' && event.key <= String(LAYERS.length)) byId(`show-${LAYERS[event.key - 1][0]}`).click();
});

for (const id of ['name-filter', 'grade-filter', 'review-filter']) byId(id).addEventListener('input', refresh);
byId('filters').addEventListener('submit', (event) => event.preventDefault());
byId('previous').addEventListener('click', () => step(-1));
byId('next').addEventListener('click', () => step(1));

byId('about').textContent = visible(data.about);
makeTable();
makeViewer();
refresh();
