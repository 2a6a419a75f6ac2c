import { count, plain } from './text.js';
import { ago, card, el, lastingSince, table } from './dom.js';

/** The number of steps that are shown at once. The others are folded. */
const mostShown = 8;

/** The steps in progress in this process, with their attempts: those that are retried first, then the oldest. */
export function stepsCard(steps) {
  if (steps.length === 0) {
    return null;
  }
  const sorted = steps.toSorted((one, other) => Boolean(other.lastError) - Boolean(one.lastError) || Date.parse(one.since) - Date.parse(other.since));
  const others = sorted.slice(mostShown);
  return card(`Steps in progress in this process (${steps.length})`, stepsTable(sorted.slice(0, mostShown)),
    others.length > 0 && el('details', { 'data-key': 'steps' }, el('summary', {}, `${count(others.length, 'more step')}`), stepsTable(others)));
}

function stepsTable(steps) {
  return table(steps, [
    ['step', (step) => `${step.isUndo ? 'undo' : 'action'} of ${plain(step.node)}`],
    ['attempt', (step) => step.attempt, 'number'],
    ['state', (step) => (step.attemptSince ? ['running for ', lastingSince(step.attemptSince)] : step.nextAttempt ? ['next attempt ', ago(step.nextAttempt)] : 'next attempt due')],
    ['last error', (step) => (step.lastError ? plain(step.lastError) : '')],
    ['since', (step) => ago(step.since)],
  ]);
}
