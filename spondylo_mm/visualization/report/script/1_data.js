'use strict';
// What apis/report.py wrote into this page, and how numbers are written. Texts reach the document by textContent only.

const data = JSON.parse(document.getElementById('data').textContent);
const images = data.images;
const byId = (id) => document.getElementById(id);
const DASH = '–';

// A mark in a stranger's file name that turns the reading around shows fdp.exe as exe.pdf: it is shown itself, as
// escaping.py shows it.
function visible(text) {
  return String(text).replace(/\p{Bidi_Control}/gu, (mark) => '\\u' + mark.charCodeAt(0).toString(16).padStart(4, '0'));
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = visible(text);
  if (className) made.className = className;
  return made;
}

function number(value, decimals = 0) {
  if (value === null || value === undefined) return DASH;
  return value.toFixed(decimals).replace(/^-(?=0(\.0*)?$)/, '').replace('-', '−');
}

const tenths = (value) => number(value, 1);

// A slip in tenths, and finer where those lie on another side of a border of grades: 25.04 % is grade II, 25.0 % is not.
function slipText(slip) {
  const sides = (value) => data.borders.map((border) => Math.sign(value - border)).join();
  let decimals = 1;
  while (sides(Number(slip.toFixed(decimals))) !== sides(slip)) decimals += 1;
  return number(slip, decimals);
}

function interval(ends, write = tenths) {
  return ends ? ` [${write(ends[0])}, ${write(ends[1])}]` : '';
}

// Rounded down, for 99.9 % is not certain; but 100 times 0.29 is a hair less than 29 to a computer.
function percent(share) {
  return share === null || share === undefined ? DASH : `${Math.floor(100 * share + 1e-9)}\u00a0%`;
}

function pictureOf(image) {
  return 'data:image/jpeg;base64,' + byId('picture-' + image.number).textContent;
}
