import { clock, isTime, lasting, plain } from './text.js';

/** The longest single text on the page, in characters. */
const longest = 17_000;

/** The offset of the service's clock from the browser's, in ms. */
let clockOffset = 0;

/** Compares the clocks. The header has whole seconds, which were cut. */
export function setClock(serverDate) {
  clockOffset = serverDate ? Date.parse(serverDate) + 500 - Date.now() : clockOffset;
}

/** The time of the service, in ms. */
export function now() {
  return Date.now() + clockOffset;
}

/** Creates an element. Text children become text nodes, never markup. */
export function el(name, about = {}, ...children) {
  return filled(document.createElement(name), about, children);
}

/** Creates an SVG element in the same way. */
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

/** Renders a place again if its facts have changed. Focus and opened details are kept, identified by their data-key. */
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

/** A relative time, "3 s ago" or "in 5 s", that tick keeps current. */
export function ago(time) {
  return relative(time, 'ago');
}

/** The time that has passed since another, "3 s", that tick keeps current. */
export function lastingSince(time) {
  return relative(time, 'lasting');
}

function relative(time, form) {
  return isTime(time) ? el('time', { datetime: time, title: clock(time), 'data-relative': form }) : 'at an unknown time';
}

export function tick() {
  for (const element of document.querySelectorAll('time[data-relative]')) {
    const past = (now() - Date.parse(element.dateTime)) / 1000;
    const text = element.dataset.relative === 'lasting' ? lasting(past) : past < -1 ? `in ${lasting(-past)}` : past < 1 ? 'now' : `${lasting(past)} ago`;
    if (element.textContent !== text) {
      element.textContent = text;
    }
  }
}

/** A table whose rows become cards on a phone. Columns are [label, cell of row, class]. The label of a column of the class controls is not seen. */
export function table(rows, columns) {
  return el('table', {},
    el('thead', {}, el('tr', {}, columns.map(([label, , kind]) => el('th', { scope: 'col', class: kind === 'number' ? kind : null }, kind === 'controls' ? el('span', { class: 'unseen' }, label) : label)))),
    el('tbody', {}, rows.map((row) => el('tr', {}, columns.map(([label, cell, kind]) =>
      el('td', { 'data-label': kind === 'controls' ? null : label, class: kind }, cell(row)))))));
}

/** A part of the page that scrolls by itself. It fades out below as long as it continues there. */
export function region(name, label, ...children) {
  const view = el('div', { class: name, tabindex: 0, role: 'region', 'aria-label': label, 'data-key': name }, children);
  const look = () => {
    view.classList.toggle('below', view.scrollTop + view.clientHeight < view.scrollHeight - 4);
    view.classList.toggle('continues', view.scrollHeight > view.clientHeight + 4 || view.scrollWidth > view.clientWidth + 4);
  };
  view.addEventListener('scroll', look);
  new ResizeObserver(look).observe(view); // called once at first, too
  return view;
}

/** The line below a table that shows a part of its rows. */
export function more(number) {
  return number > 0 && el('p', { class: 'soft small' }, `… and ${number} more`);
}

/** A link to a saga's page. */
export function sagaLink(id) {
  return el('a', { href: `#/saga/${id}`, class: 'id', 'data-key': `saga-${id}` }, id);
}

/** The name of a saga's definition, and a link to its page. */
export function sagaCell(id, name) {
  return [el('div', {}, plain(name, 100)), el('div', { class: 'small' }, sagaLink(id))];
}

/** The name by which people know a coordinator: its host, which in a container is the name of the pod. */
export function hostOf(coordinator) {
  return plain(coordinator.host, 60);
}

export function badge(tone, text) {
  return el('span', { class: `badge ${tone}` }, text);
}

export function card(title, ...children) {
  return el('section', { class: 'card' }, el('h2', {}, title), children);
}
