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
    ['node', (event) => plain(event.node, 80)],
    ['what', (event) => badge(typeTones[event.type], words(event.type))],
    ['data', (event) => event.data && payload(readable(event), `${event.nodeId}-${event.type}`)],
  ]);
}

/** Formats an error of the durable executor as a sentence, and returns any other data unchanged. */
function readable(event) {
  if (event.type === 'Failed' || event.type === 'UndoFailed') {
    try {
      const { code, message, exception } = JSON.parse(event.data);
      return code && message ? `${code}: ${message}${exception ? `\n${exception}` : ''}` : event.data;
    } catch {
      return event.data; // truncated, or written by another executor
    }
  }
  return event.data;
}

/** Shows the beginning of a text, and the rest on demand. */
export function payload(text, key) {
  const first = text.split('\n', 1)[0];
  return text.length <= 120 && first === text
    ? el('code', {}, plain(text))
    : el('details', { 'data-key': `data-${key}` }, el('summary', {}, el('code', {}, plain(first, 160))), el('pre', {}, lines(text)));
}

/** Makes each line of a text safe to show. */
function lines(text) {
  return text.split('\n').map((line) => [line, el('br')]);
}
