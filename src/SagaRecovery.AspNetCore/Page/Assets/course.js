import { clock, count, lasting, plain } from './text.js';
import { ago, badge, card, el, region, table } from './dom.js';

/** The number of nodes that the timeline shows. */
const mostRows = 400;

/**
 * The timeline of the nodes of a saga: a row for each node that has begun, in the order in which they began, with a bar for its action and one for its
 * undo. The steps in progress in this process add the number of their attempt and the time of the next.
 */
export function courseCard(saga, nodes, steps) {
  const begun = nodes.filter((node) => Object.keys(node.events).length > 0).map((node) => ({ ...node, ...timesOf(node) })).sort((one, other) => one.first - other.first);
  if (begun.length === 0) {
    return null;
  }
  const hasEnded = !['Running', 'Unwinding'].includes(saga.summary.state);
  const from = Math.min(...begun.map((node) => node.first));
  const to = Math.max(from + 1, ...begun.map((node) => node.last), ...(hasEnded ? [] : steps.map((step) => Date.parse(step.attemptSince ?? step.since))));
  const range = { from, length: to - from };
  const left = nodes.length - begun.length;
  return card('Timeline',
    el('p', { class: 'soft small' }, `${clock(from)} to ${clock(to)}, ${lasting(range.length / 1000)}.`, left > 0 && ` Not begun: ${left} of ${count(nodes.length, 'node')}.`),
    region('course', 'The timeline of the nodes', table(begun.slice(0, mostRows), [
      ['node', (node) => plain(node.name, 80)],
      ['state', (node) => badge(node.state.tone, `${node.state.sign} ${node.state.word}`)],
      ['began', (node) => clock(node.first).slice(11), 'when'],
      ['action', (node) => took(node.action, hasEnded), 'when'],
      ['undo', (node) => took(node.undoing, hasEnded), 'when'],
      ['attempts', (node) => attempts(node, steps), 'attempts'],
      ['course', (node) => el('div', { class: 'lane', 'aria-hidden': 'true' }, bar(node.action, node.events.Failed ? 'bad' : 'good', range), bar(node.undoing, node.events.UndoFailed ? 'bad' : 'warn', range)), 'lane-cell'],
    ])),
    begun.length > mostRows && el('p', { class: 'soft small' }, `The first ${mostRows} of ${begun.length}.`));
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

function took(span, hasEnded) {
  return span === null ? '' : span.end !== null ? lasting(Math.max(0, span.end - span.start) / 1000) : hasEnded ? 'did not end' : ['began ', ago(new Date(span.start).toISOString())];
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

function bar(span, tone, { from, length }) {
  if (span === null) {
    return null;
  }
  const part = el('i', { class: span.end === null ? `open ${tone === 'good' ? 'busy' : tone}` : tone });
  part.style.left = `${(100 * (span.start - from)) / length}%`;
  part.style.width = `${(100 * ((span.end ?? from + length) - span.start)) / length}%`;
  return part;
}
