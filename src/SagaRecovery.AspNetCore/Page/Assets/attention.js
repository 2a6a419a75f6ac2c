import { plain, words } from './text.js';
import { ago, badge, card, el, more, sagaCell, table } from './dom.js';
import { get } from './service.js';

/** The number of stuck and of abandoned sagas that the overview lists. */
const mostListed = 5;

/**
 * Requests the newest stuck and abandoned sagas of the whole store, if it has any.
 * @returns The answers by state; null for a state without sagas.
 */
export async function loadUnresolved(report) {
  const list = (state, counted) => (counted?.count > 0 ? get(`/sagas?state=${state}&limit=${mostListed}`) : null);
  const [stuck, abandoned] = await Promise.all([list('stuck', report.unresolved?.stuck), list('abandoned', report.unresolved?.abandoned)]);
  return { stuck, abandoned };
}

/** What waits for an operator: stuck sagas, sagas that fail to resume, and abandoned ones. */
export function attention(report, unresolved) {
  return [
    listed('Stuck', 'stuck', report.unresolved?.stuck, unresolved.stuck, 'failed undo', 'An undo failed: each is partly undone, and waits for an operator.'),
    report.waitingCount > 0 && card(`Failing to resume (${report.waitingCount})`, table(report.waiting, [
      ['saga', (saga) => sagaCell(saga.sagaId, saga.name)],
      ['why', (saga) => [badge(saga.kind === 'BackingOff' ? 'warn' : 'bad', words(saga.kind)), ` ${plain(saga.reason)}`]],
      ['failures', (saga) => saga.failures, 'number'],
      ['next try', (saga) => (saga.nextTry ? ago(saga.nextTry) : 'next pass')],
    ]), more(report.waitingCount - report.waiting.length)),
    listed('Abandoned', 'abandoned', report.unresolved?.abandoned, unresolved.abandoned, 'failure', 'Set aside for good: their effects stay until someone cleans them up.'),
  ];
}

function listed(title, state, counted, answer, failure, meaning) {
  const sagas = answer?.ok ? answer.body : [];
  return counted?.count > 0 && card(`${title} (${counted.count})`,
    el('p', { class: 'soft small' }, meaning),
    sagas.length > 0 && table(sagas, [
      ['saga', (saga) => sagaCell(saga.id, saga.name)],
      [failure, (saga) => [saga.failedNode, saga.errorCode].filter(Boolean).map((part) => plain(part, 80)).join(': ')],
      ['created', (saga) => ago(saga.timeCreated)],
    ]),
    el('p', { class: 'small' }, el('a', { href: `#/sagas?state=${state}` }, `List all ${title.toLowerCase()} sagas`)));
}
