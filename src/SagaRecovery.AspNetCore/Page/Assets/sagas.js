import { clock, count, plain } from './text.js';
import { ago, badge, card, el, hostOf, sagaCell, show, table } from './dom.js';
import { get, reasonOf } from './service.js';
import { actionHint } from './actions.js';
import { batchButtons, conditionsOf } from './batch.js';
import { listedBadges } from './states.js';

const page = 50;
const states = ['unfinished', 'running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned'];

/**
 * The list of sagas, newest first, and their counts. The list is requested less often than the status, since it queries the database. The counts are
 * loaded once and then on demand, since they read every unfinished saga.
 */
export function sagasView(main, refresh, query) {
  const filter = new URLSearchParams(query);
  const listAt = el('div', { id: 'list' });
  const countsAt = el('div', { id: 'counts' });
  main.replaceChildren(filters(filter), listAt, countsAt);
  let turn = 0;

  async function loadCounts(event) {
    const [answer, coordinators] = await Promise.all([get('/counts'), get('/coordinators')]);
    const hosts = new Map(coordinators.ok ? coordinators.body.map((one) => [one.id, hostOf(one)]) : []);
    countsAt.replaceChildren(counts(answer, hosts, el('button', { type: 'button', onclick: loadCounts }, 'Count again')));
    if (event) {
      countsAt.querySelector('button').focus({ preventScroll: true }); // the pressed button has been replaced
    }
  }

  return {
    title: 'Sagas',
    async load(report) {
      if (turn % 3 === 0) {
        const search = new URLSearchParams(filter);
        search.set('limit', page);
        const [answer, coordinators] = await Promise.all([get(`/sagas?${search}`), get('/coordinators')]);
        const known = {
          waiting: new Map(report.waiting.map((saga) => [saga.sagaId, saga.kind])),
          down: new Set(coordinators.ok ? coordinators.body.filter((one) => !one.answers).map((one) => one.id) : []),
        };
        show(listAt, [answer, [...known.waiting], [...known.down]], () => list(answer, filter, known, refresh));
      }
      if (turn === 0) {
        await loadCounts();
      }
      turn++;
    },
  };
}

function filters(filter) {
  const field = (label, input) => el('label', {}, label, input);
  const text = (label, name) => field(label, el('input', { name, value: filter.get(name) ?? '', autocomplete: 'off' }));
  return el('form', {
    class: 'card filters', 'aria-label': 'Filter sagas',
    onsubmit: (event) => {
      event.preventDefault();
      const fields = [...new FormData(event.target)].filter(([, value]) => value.trim() !== '');
      const search = new URLSearchParams(fields.flatMap(([name, value]) => (name === 'tag' ? value.split(/[,\s]+/).filter(Boolean).map((tag) => ['tag', tag]) : [[name, value.trim()]])));
      location.hash = `#/sagas?${search}`;
    },
  },
  field('state', el('select', { name: 'state' }, el('option', { value: '' }, 'any'), states.map((state) => el('option', { value: state, selected: filter.get('state') === state }, state)))),
  text('definition', 'name'),
  text('version', 'version'),
  text('since (2h, 7d or a time)', 'since'),
  text('until', 'until'),
  field('tag (name=value)', el('input', { name: 'tag', value: filter.getAll('tag').join(', '), autocomplete: 'off' })),
  text('failed node', 'failedNode'),
  text('error code', 'errorCode'),
  text('owner (coordinator id)', 'owner'),
  el('label', {}, el('input', { type: 'checkbox', name: 'held', value: 'true', checked: filter.get('held') === 'true' }), ' only held sagas'),
  el('button', { type: 'submit' }, 'Show'));
}

function list(answer, filter, known, refresh) {
  if (!answer.ok) {
    return card('Sagas', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  if (answer.body.length === 0) {
    return card('Sagas', el('p', { class: 'soft' }, filter.has('before') ? 'No older sagas.' : 'No sagas match.'));
  }
  return card('Sagas, newest first', table(answer.body, [
    ['saga', (saga) => sagaCell(saga.id, `${saga.name}${saga.version ? ` v${saga.version}` : ''}`)],
    ['state', (saga) => listedBadges(saga, known)],
    ['created', (saga) => (saga.unreadable ? el('span', { title: plain(saga.unreadable, 1000) }, badge('bad', 'unreadable')) : [clock(saga.timeCreated), el('div', { class: 'soft small' }, ago(saga.timeCreated))]), 'when'],
    ['failure', (saga) => (saga.errorCode ? [saga.failedNode, saga.errorCode].filter(Boolean).map((part) => plain(part, 80)).join(': ') : '')],
    ['generation', (saga) => saga.generation, 'number'],
  ]), answer.next && el('p', {}, el('a', { href: `#/sagas${answer.next}` }, 'Older sagas')), batch(filter, refresh));
}

/** The operator actions on all sagas of the filter, on all pages of the list. */
function batch(filter, refresh) {
  const buttons = batchButtons(conditionsOf(filter), refresh);
  return buttons?.length > 0 && el('div', {}, el('div', { class: 'row' }, buttons), actionHint());
}

function counts(answer, hosts, again) {
  if (!answer.ok) {
    return card('Counts', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)), again);
  }
  const { unfinished, ended, notSucceeded } = answer.body;
  const others = notSucceeded.filter((one) => one.count > 0);
  return card('Counts',
    unfinished.length === 0 ? el('p', { class: 'soft' }, 'No unfinished sagas.') : table(unfinished, [
      ['definition', (one) => el('a', { href: `#/sagas?${new URLSearchParams({ name: one.name, state: one.state.toLowerCase() })}` }, plain(one.name, 100))],
      ['state', (one) => one.state.toLowerCase(), 'when'], ['owner', (one) => (one.owner ? [hosts.get(one.owner) ?? 'never joined', el('div', { class: 'id' }, one.owner)] : 'none')], ['sagas', (one) => one.count, 'number'],
    ]),
    el('p', {}, ended === null || ended === undefined ? 'The number of ended sagas is not known.' : `About ${count(ended, 'saga')} ended.`,
      others.map((one) => [' ', el('a', { href: `#/sagas?state=${one.state.toLowerCase()}` }, `${one.count}${one.orMore ? ' or more' : ''} ${one.state.toLowerCase()}`), '.'])),
    again);
}
