import { clock, count, lasting, plain } from './text.js';
import { ago, badge, card, el, lastingSince, now, region, table } from './dom.js';

/** The number of nodes that the timeline shows. */
const mostRows = 400;

/**
 * The timeline of the nodes of a saga: a row for each node that has begun, in the order in which they began, with a bar for its action and one for its
 * undo. That of a saga that runs is open: it ends now, as `extendCourse` keeps it. The steps in progress in this process add the number of their
 * attempt and the time of the next.
 */
export function courseCard(nodes, steps, isOpen) {
  const begun = nodes.filter((node) => Object.keys(node.events).length > 0).map((node) => ({ ...node, ...timesOf(node) })).sort((one, other) => one.first - other.first);
  if (begun.length === 0) {
    return null;
  }
  const from = Math.min(...begun.map((node) => node.first));
  const to = isOpen ? null : Math.max(from + 1, ...begun.map((node) => node.last));
  const left = nodes.length - begun.length;
  const view = region('course', 'The timeline of the nodes', table(begun.slice(0, mostRows), [
    ['node', (node) => plain(node.name)],
    ['state', (node) => badge(node.state.tone, `${node.state.sign} ${node.state.word}`)],
    ['began', (node) => clock(node.first).slice(11), 'when'],
    ['action', (node) => took(node.action, isOpen), 'when'],
    ['undo', (node) => took(node.undoing, isOpen), 'when'],
    ['attempts', (node) => attempts(node, steps), 'attempts'],
    ['course', (node) => el('div', { class: 'lane', 'aria-hidden': 'true' }, bar(node.action, node.events.Failed ? 'bad' : 'good', isOpen), bar(node.undoing, node.events.UndoFailed ? 'bad' : 'warn', isOpen)), 'lane-cell'],
  ]));
  Object.assign(view.dataset, { from, to: to ?? 'now' });
  placeBars(view, to ?? now());
  return card('Timeline',
    el('p', { class: 'soft small' }, clock(from), to ? ` to ${clock(to)}, ${lasting((to - from) / 1000)}.` : [' to now, ', lastingSince(new Date(from).toISOString()), ': it runs.'],
      left > 0 && ` Not begun: ${left} of ${count(nodes.length, 'node')}.`),
    view,
    begun.length > mostRows && el('p', { class: 'soft small' }, `The first ${mostRows} of ${begun.length}.`));
}

/** Extends an open timeline up to now. */
export function extendCourse(place) {
  const view = place.querySelector('.course[data-to=now]');
  if (view) {
    placeBars(view, now());
  }
}

function placeBars(view, to) {
  const from = Number(view.dataset.from);
  const length = Math.max(1, to - from);
  for (const part of view.querySelectorAll('.lane i')) {
    const [start, end] = [Number(part.dataset.start), Math.min(to, Number(part.dataset.end ?? to))];
    part.style.left = `min(${(100 * (start - from)) / length}%, 100% - 3px)`; // what begins at the end is seen
    part.style.width = `${(100 * Math.max(0, end - start)) / length}%`;
  }
}

function timesOf({ events }) {
  const at = (...types) => types.map((type) => events[type]).filter(Boolean).map((event) => Date.parse(event.time)).at(0) ?? null;
  const all = Object.values(events).map((event) => Date.parse(event.time));
  const span = (start, end) => (start === null && end === null ? null : { start: start ?? end, end });
  return {
    first: Math.min(...all), last: Math.max(...all),
    action: span(at('Started'), at('Succeeded', 'Failed')), undoing: span(at('UndoStarted'), at('UndoFinished', 'UndoFailed')),
  };
}

function took(span, isOpen) {
  return span === null ? '' : span.end !== null ? lasting(Math.max(0, span.end - span.start) / 1000) : isOpen ? ['running for ', lastingSince(new Date(span.start).toISOString())] : 'did not end';
}

/** The number of attempts: of a step in progress those of this process, of a failed one those that its error records. */
function attempts(node, steps) {
  const step = steps.find((one) => one.node === node.name);
  if (step) {
    return [step.attempt, step.nextAttempt && [', next ', ago(step.nextAttempt)]];
  }
  const recorded = /"attempts"\s*:\s*(\d+)/.exec(node.events.UndoFailed?.data ?? node.events.Failed?.data ?? '');
  return recorded && Number(recorded[1]) > 0 ? recorded[1] : '';
}

/** A bar without an end is open, and reaches to the end of the timeline. Of a saga that runs it fades there. */
function bar(span, tone, isOpen) {
  if (span === null) {
    return null;
  }
  const part = el('i', { class: span.end !== null ? tone : `open ${isOpen && tone === 'good' ? 'busy' : isOpen ? tone : 'calm'}` });
  Object.assign(part.dataset, { start: span.start, ...(span.end !== null && { end: span.end }) });
  return part;
}
