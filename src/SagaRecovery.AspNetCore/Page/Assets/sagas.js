import { clock, count, plain } from './text.js';
import { badge, card, el, sagaLink, show, table } from './dom.js';
import { get, reasonOf } from './service.js';
import { actionHint } from './actions.js';
import { batchButtons, conditionsOf } from './batch.js';
import { stateBadge } from './saga.js';

const page = 50;
const states = ['unfinished', 'running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned'];

/**
 * The list of sagas, newest first, and their counts. The list is requested less often than the status, since it queries the database. The counts are
 * loaded once and then on demand, since they read every unfinished saga.
 */
export function sagasView(main, refresh, query) {
  const filter = new URLSearchParams(query);
  const listAt = el('div', { id: 'list' });
  const foundAt = el('div', { id: 'found' });
  const countsAt = el('div', { id: 'counts' });
  main.replaceChildren(identifyForm(foundAt), foundAt, filters(filter), listAt, countsAt);
  let turn = 0;

  async function loadCounts(event) {
    const answer = await get('/counts');
    countsAt.replaceChildren(counts(answer, el('button', { type: 'button', onclick: loadCounts }, 'Count again')));
    if (event) {
      countsAt.querySelector('button').focus({ preventScroll: true }); // the pressed button has been replaced
    }
  }

  return {
    title: 'Sagas',
    async load() {
      if (turn % 3 === 0) {
        const search = new URLSearchParams(filter);
        search.set('limit', page);
        const answer = await get(`/sagas?${search}`);
        show(listAt, answer, () => list(answer, filter, refresh));
      }
      if (turn === 0) {
        await loadCounts();
      }
      turn++;
    },
  };
}

/** A search box for any id: a saga, a start key, a tag, a definition, a coordinator, an operator action. */
function identifyForm(place) {
  return el('form', {
    class: 'card filters', role: 'search', 'aria-label': 'Find by id',
    onsubmit: async (event) => {
      event.preventDefault();
      const id = new FormData(event.target).get('id').trim();
      const answer = id === '' ? null : await get(`/whatis?${new URLSearchParams({ id })}`);
      show(place, answer, () => answer && found(id, answer));
    },
  },
  el('label', {}, 'any id, start key, tag or hash', el('input', { name: 'id', autocomplete: 'off', maxlength: 1000 })),
  el('button', { type: 'submit' }, 'What is it?'));
}

/** The endpoint answers with at most as many. */
const mostFound = 20;

function found(id, answer) {
  if (!answer.ok) {
    return card('Found', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  return card('Found', answer.body.length === 0
    ? el('p', { class: 'soft' }, `Nothing here has the id '${plain(id, 80)}'.`)
    : el('ul', {}, answer.body.map((match) => el('li', {}, plain(match.description, 600), match.sagaId && [' ', sagaLink(match.sagaId)]))),
  answer.body.length >= mostFound && el('p', { class: 'soft' }, `There may be more than these ${mostFound}: filter the sagas by a tag.`));
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

function list(answer, filter, refresh) {
  if (!answer.ok) {
    return card('Sagas', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  if (answer.body.length === 0) {
    return card('Sagas', el('p', { class: 'soft' }, filter.has('before') ? 'No older sagas.' : 'No sagas match.'));
  }
  return card('Sagas, newest first', table(answer.body, [
    ['saga', (saga) => sagaLink(saga.id), 'id'], ['definition', (saga) => `${plain(saga.name, 100)}${saga.version ? ` v${saga.version}` : ''}`],
    ['state', (saga) => [stateBadge(saga.state), saga.isHeld && [' ', badge('warn', 'held')]]],
    ['created', (saga) => (saga.unreadable ? el('span', { title: plain(saga.unreadable, 1000) }, badge('bad', 'unreadable')) : clock(saga.timeCreated))],
    ['failure', (saga) => (saga.errorCode ? [saga.failedNode, saga.errorCode].filter(Boolean).map((part) => plain(part, 80)).join(': ') : '')],
    ['generation', (saga) => saga.generation, 'number'],
  ]), answer.next && el('p', {}, el('a', { href: `#/sagas${answer.next}` }, 'Older sagas')), batch(filter, refresh));
}

/** The operator actions on all sagas of the filter, on all pages of the list. */
function batch(filter, refresh) {
  const buttons = batchButtons(conditionsOf(filter), refresh);
  return buttons?.length > 0 && el('div', {}, el('div', { class: 'row' }, buttons), actionHint());
}

function counts(answer, again) {
  if (!answer.ok) {
    return card('Counts', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)), again);
  }
  const { unfinished, ended, notSucceeded } = answer.body;
  const others = notSucceeded.filter((one) => one.count > 0);
  return card('Counts',
    unfinished.length === 0 ? el('p', { class: 'soft' }, 'No unfinished sagas.') : table(unfinished, [
      ['definition', (one) => el('a', { href: `#/sagas?${new URLSearchParams({ name: one.name, state: one.state.toLowerCase() })}` }, plain(one.name, 100))],
      ['state', (one) => stateBadge(one.state)], ['owner', (one) => one.owner ?? 'none', 'id'], ['sagas', (one) => one.count, 'number'],
    ]),
    el('p', {}, ended === null || ended === undefined ? 'The number of ended sagas is not known.' : `About ${count(ended, 'saga')} ended.`,
      others.map((one) => [' ', el('a', { href: `#/sagas?state=${one.state.toLowerCase()}` }, `${one.count}${one.orMore ? ' or more' : ''} ${one.state.toLowerCase()}`), '.'])),
    again);
}
