import { clock, plain, words } from './text.js';
import { badge, card, el, more, table } from './dom.js';

/** The number of events that are shown at once, and the number of earlier ones that are folded. The saved text has all. */
const mostShown = 50;
const mostFolded = 1000;

const typeTones = { Started: 'busy', Succeeded: 'good', Failed: 'bad', UndoStarted: 'warn', UndoFinished: 'calm', UndoFailed: 'bad' };

/** The events of a saga, newest first. */
export function eventsCard(saga) {
  if (saga.events.length === 0) {
    return card('Events', el('p', { class: 'soft' }, 'No events yet.'));
  }
  const newest = [...saga.events].reverse();
  return card(`Events (${saga.events.length}), newest first`, eventsTable(newest.slice(0, mostShown)),
    newest.length > mostShown && el('details', { 'data-key': 'earlier' }, el('summary', {}, `${newest.length - mostShown} earlier ones`),
      eventsTable(newest.slice(mostShown, mostShown + mostFolded)), more(newest.length - mostShown - mostFolded)));
}

function eventsTable(events) {
  return table(events, [
    ['time', (event) => el('span', { title: event.time }, `${clock(event.time).slice(0, -1)}.${event.time.slice(20, 23).replace(/\D.*/, '').padEnd(3, '0')}Z`), 'when'],
    ['node', (event) => plain(event.node)],
    ['what', (event) => badge(typeTones[event.type], words(event.type))],
    ['data', (event) => event.data && payload(readable(event), `${event.nodeId}-${event.type}`)],
  ]);
}

/** Formats an error of the durable executor as a sentence with its stack trace and the rest below, and returns any other data unchanged. */
function readable(event) {
  const { code, message, exception, ...rest } = (['Failed', 'UndoFailed'].includes(event.type) && parsed(event.data)) || {};
  if (!code || !message) {
    return event.data;
  }
  const others = Object.entries(rest).map(([name, value]) => `${words(name)}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`${code}: ${message}`, exception, ...others].filter(Boolean).join('\n');
}

/** Parses an object of JSON, also one that was cut inside its last text. Returns null for any other text. */
function parsed(text) {
  for (const json of [text, `${text.replace(/\\(u[0-9a-fA-F]{0,3})?$/, '')}…"}`]) {
    try {
      // A number that the browser cannot represent stays as it is written, where the browser says how.
      return Object(JSON.parse(json, (_, value, context) => (typeof value === 'number' && context?.source && String(value) !== context.source ? context.source : value)));
    } catch {
      // the next try, or another executor's data
    }
  }
  return null;
}

/** Shows the beginning of a text, and the rest on demand. */
export function payload(text, key) {
  const first = text.split(/\r?\n/, 1)[0];
  return text.length <= 120 && first === text
    ? el('code', {}, plain(text))
    : el('details', { 'data-key': `data-${key}` }, el('summary', {}, el('code', {}, plain(first, 160))), el('pre', {}, lines(text)));
}

/** The lines of a text. A tab is no hidden character in them. */
function lines(text) {
  return text.split(/\r?\n/).map((line) => [line.replaceAll('\t', '    '), el('br')]);
}
