import { clock, lasting, plain } from './text.js';

/** No single text on the page is longer, whatever is shown. */
const longest = 17_000;

/** How far the service's clock is ahead of the browser's, in ms. */
let ahead = 0;

export function setClock(serverDate) {
  ahead = serverDate ? Date.parse(serverDate) - Date.now() : ahead;
}

/** An element. Children that are text become text, never markup. */
export function el(name, about = {}, ...children) {
  return filled(document.createElement(name), about, children);
}

/** The same for a drawing. */
export function svg(name, about = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), about, children);
}

function filled(element, about, children) {
  for (const [key, value] of Object.entries(about)) {
    if (key.startsWith('on')) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true || (value !== false && value !== null && value !== undefined)) {
      element.setAttribute(key, value === true ? '' : value);
    }
  }
  const present = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...present.map((child) => (child instanceof Node ? child : plain(child, longest))));
  return element;
}

/** Fills a place anew if what it shows has changed. What had the focus, by its data-key, keeps it; what was opened stays open. */
export function show(place, facts, build) {
  const seen = JSON.stringify(facts);
  if (place.seen === seen) {
    return;
  }
  place.seen = seen;
  const keyed = (element) => element?.closest?.('[data-key]')?.dataset.key;
  const focused = place.contains(document.activeElement) ? keyed(document.activeElement) : undefined;
  const opened = [...place.querySelectorAll('details[open][data-key]')].map((details) => details.dataset.key);
  place.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  const find = (key) => place.querySelector(`[data-key="${CSS.escape(key)}"]`);
  opened.forEach((key) => find(key)?.setAttribute('open', ''));
  if (focused) {
    (find(focused) ?? place.querySelector('button, a'))?.focus({ preventScroll: true });
  }
  tick();
}

/** "3 s ago", or "in 5 s"; kept up to date by tick. */
export function ago(time) {
  return el('time', { datetime: time, title: clock(time), 'data-ago': true });
}

export function tick() {
  for (const element of document.querySelectorAll('time[data-ago]')) {
    const past = (Date.now() + ahead - Date.parse(element.dateTime)) / 1000;
    const text = past < -0.5 ? `in ${lasting(-past)}` : past < 1 ? 'now' : `${lasting(past)} ago`;
    if (element.textContent !== text) {
      element.textContent = text;
    }
  }
}

/** A table whose rows become cards on a phone. Columns: [label, cell of row, class]. */
export function table(rows, columns) {
  return el('table', {},
    el('thead', {}, el('tr', {}, columns.map(([label]) => el('th', { scope: 'col' }, label)))),
    el('tbody', {}, rows.map((row) => el('tr', {}, columns.map(([label, cell, kind]) =>
      el('td', { 'data-label': label, class: kind }, cell(row)))))));
}

/** A link to a saga's page. */
export function sagaLink(id) {
  return el('a', { href: `#/saga/${id}`, class: 'id', 'data-key': `saga-${id}` }, id);
}

export function badge(tone, text) {
  return el('span', { class: `badge ${tone}` }, text);
}

export function card(title, ...children) {
  return el('section', { class: 'card' }, el('h2', {}, title), children);
}
