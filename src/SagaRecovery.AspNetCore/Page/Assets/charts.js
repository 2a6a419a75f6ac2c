import { clock, count, lasting, seconds, words } from './text.js';
import { ago, el, table } from './dom.js';

const tones = { Completed: 'good', CompletedWithFailures: 'warn', CutShort: 'calm', Failed: 'bad' };
const signs = { CompletedWithFailures: '!', CutShort: '–', Failed: '✗' };

/** The iteration of the pass that the user selected; null for the latest pass. */
let selected = null;

/** Formats the nonzero counts of a pass. */
function numbersOf(pass) {
  const named = ['found', 'recovered', 'failed', 'skipped', 'removed', 'starting', 'unknownDefinition', 'backingOff', 'held', 'paused', 'deferred', 'waitingForSlot', 'abandoned', 'unreadable', 'superseded', 'notAttempted', 'notRelinquished', 'missedHints'];
  const counts = named.filter((name) => pass[name] > 0).map((name) => `${words(name)} ${pass[name]}`).join(', ') || (pass.result === 'Failed' ? 'nothing done' : 'nothing to do');
  return counts[0].toUpperCase() + counts.slice(1);
}

/**
 * The last passes, oldest first. Each bar shows the logarithm of the duration as its height and the result as its colour and sign. A bar is
 * faint if its pass recovered nothing. The chart is one tab stop, and the arrow keys move inside it.
 */
export function timeline(passes) {
  const chosen = el('p', { class: 'chosen-pass', 'aria-live': 'polite' });
  const longestPass = Math.max(...passes.map((pass) => seconds(pass.duration)), 0.01);
  const bars = passes.map((pass, index) => {
    const bar = el('span', {
      class: `${tones[pass.result]} ${pass.recovered > 0 ? 'worked' : ''}`, 'data-sign': signs[pass.result] ?? null,
      onmouseenter: () => choose(index),
    });
    bar.style.height = `${8 + (60 * Math.log1p(seconds(pass.duration) * 1000)) / Math.log1p(longestPass * 1000)}px`;
    return bar;
  });
  let at = passes.findIndex((pass) => pass.start.iteration === selected);

  function choose(index) {
    at = Math.min(passes.length - 1, Math.max(0, index));
    bars.forEach((bar, other) => bar.classList.toggle('chosen', other === at));
    const pass = passes[at];
    selected = at === passes.length - 1 ? null : pass.start.iteration;
    chosen.replaceChildren(
      el('strong', {}, `Pass ${pass.start.iteration}`), ` (${words(pass.start.reason)}), `, ago(pass.start.startedAt), `: ${words(pass.result)} in ${lasting(seconds(pass.duration))}. ${numbersOf(pass)}.`,
      pass.error ? el('span', {}, ` ${pass.error.slice(0, 300)}`) : '');
  }

  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  const group = el('div', {
    class: 'bars', tabindex: 0, role: 'group', 'data-key': 'timeline', 'aria-label': `The last ${count(passes.length, 'pass', 'passes')}. Use the arrow keys to move between passes.`,
    onkeydown: (event) => {
      if (event.key in moves) {
        event.preventDefault();
        choose(at + moves[event.key]);
      }
    },
  }, bars);
  choose(at < 0 ? passes.length - 1 : at);
  return [
    group,
    el('p', { class: 'soft small' }, `${clock(passes[0].start.startedAt)} to ${clock(passes.at(-1).start.startedAt)}; height is duration, faint bars recovered nothing`),
    chosen,
    el('details', { 'data-key': 'pass-table' }, el('summary', {}, 'Show as a table'), table([...passes].reverse(), [
      ['pass', (pass) => pass.start.iteration, 'number'], ['began', (pass) => clock(pass.start.startedAt)], ['reason', (pass) => words(pass.start.reason)],
      ['took', (pass) => lasting(seconds(pass.duration))], ['result', (pass) => words(pass.result)], ['counts', numbersOf],
    ])),
  ];
}

/** The idle times of recovered sagas, with one row for each bucket from the first to the last that is not empty. */
export function histogram(times) {
  const first = times.counts.findIndex((number) => number > 0);
  if (first < 0) {
    return el('p', { class: 'soft' }, 'No saga has been recovered yet.');
  }
  const last = times.counts.findLastIndex((number) => number > 0);
  const most = Math.max(...times.counts);
  const label = (index) => (index < times.upperBounds.length
    ? `up to ${lasting(seconds(times.upperBounds[index]))}`
    : `over ${lasting(seconds(times.upperBounds.at(-1)))}`);
  const rows = times.counts.slice(first, last + 1).map((number, offset) => {
    const bar = el('i');
    bar.style.width = `${(100 * number) / most}%`;
    return [el('span', {}, label(first + offset)), el('div', {}, bar), el('b', {}, number)];
  });
  return [
    el('div', { class: 'histogram' }, rows),
    el('p', { class: 'soft small' }, `${count(times.count, 'saga')}, ${lasting(seconds(times.sum) / times.count)} idle on average.`),
  ];
}
