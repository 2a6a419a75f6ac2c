import { plain, words } from './text.js';
import { ago, badge, card, el, more, sagaCell, table } from './dom.js';
import { actionButton } from './actions.js';
import { countOf, isCalm } from './states.js';

/** The number of problems that the overview lists. */
const mostListed = 20;

/**
 * What waits for an operator: problems, the newest of each kind first, and sagas that fail to resume.
 * @param oldAt The time of the list of problems if it is old.
 */
export function attention(report, oldAt, refresh) {
  return [
    report.problems?.counts.length > 0 && problems(report.problems, oldAt, refresh),
    report.waitingCount > 0 && card(`Failing to resume (${report.waitingCount})`, table(report.waiting, [
      ['saga', (saga) => sagaCell(saga.sagaId, saga.name)],
      ['why', (saga) => [badge(saga.kind === 'BackingOff' ? 'warn' : 'bad', words(saga.kind)), ` ${plain(saga.reason)}`]],
      ['failures', (saga) => saga.failures, 'number'],
      ['next try', (saga) => (saga.nextTry ? ago(saga.nextTry) : 'next pass')],
    ]), more(report.waitingCount - report.waiting.length)),
  ];
}

function problems({ problems: all, counts }, oldAt, refresh) {
  const [open, known] = [sum(counts, 'open'), sum(counts, 'acknowledged')];
  const listed = all.slice(0, mostListed);
  return card(`Problems (${open + known})`,
    el('p', { class: 'soft small' }, counts.map((one) => countOf(one.kind, one.open + one.acknowledged)).join(', ') + (known > 0 ? `; ${known} acknowledged` : ''), oldAt && ['; as of ', ago(oldAt)]),
    table(listed, [
      ['problem', (one) => badge(one.acknowledged ? 'calm' : isCalm(one.kind) ? 'warn' : 'bad', words(one.kind))],
      ['saga or coordinator', subject],
      ['why', (one) => [plain(one.reason, 500), one.error && el('div', { class: 'small' }, plain(one.error, 500)), one.acknowledged && acknowledgement(one.acknowledged)]],
      ['since', (one) => ago(one.since)],
      ['acknowledge', (one) => !one.acknowledged && actionButton('acknowledge', { label: 'Acknowledge', problem: one, after: refresh }), 'controls'],
    ]),
    more(open + known - listed.length),
    el('p', { class: 'small' }, ['Stuck', 'Abandoned'].filter((kind) => counts.some((one) => one.kind === kind)).map((kind) =>
      [el('a', { href: `#/sagas?state=${kind.toLowerCase()}` }, `List all ${kind.toLowerCase()} sagas`), ' '])));
}

const sum = (counts, what) => counts.reduce((total, one) => total + one[what], 0);

const ofSagas = ['Stuck', 'Abandoned', 'Failing', 'Held'];

function subject(problem) {
  return problem.kind === 'Unowned' ? 'no owner' : problem.kind === 'PassesFail' ? 'this process'
    : ofSagas.includes(problem.kind) ? sagaCell(problem.subject, problem.name ?? '')
    : [plain(problem.name ?? '', 100), el('div', { class: 'small id' }, plain(problem.subject, 100))];
}

function acknowledgement({ at, note }) {
  return el('div', { class: 'small soft' }, 'Acknowledged ', ago(at), ` by ${plain(note.actor, 60)}: ${plain(note.reason, 300)}`);
}
