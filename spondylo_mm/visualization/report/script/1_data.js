'use strict';
// What apis/report.py wrote into this page, and how numbers are written. Texts reach the document by textContent only.

const data = JSON.parse(document.getElementById('data').textContent);
const images = data.images;
const byId = (id) => document.getElementById(id);
const DASH = '–';

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function number(value, decimals = 0) {
  if (value === null || value === undefined) return DASH;
  return value.toFixed(decimals).replace(/^-(?=0(\.0*)?$)/, '').replace('-', '−');
}

function interval(ends, decimals) {
  return ends ? ` [${number(ends[0], decimals)}, ${number(ends[1], decimals)}]` : '';
}

function percent(share) {
  return share === null || share === undefined ? DASH : `${Math.floor(100 * share)}\u00a0%`;
}

function pictureOf(image) {
  return 'data:image/jpeg;base64,' + byId('picture-' + image.number).textContent;
}
