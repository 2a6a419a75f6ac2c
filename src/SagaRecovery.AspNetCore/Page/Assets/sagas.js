import { clock, plain } from './text.js';
import { badge, card, el, sagaLink, show, table } from './dom.js';
import { get, reasonOf } from './service.js';
import { stateBadge } from './saga.js';

const page = 50;
const states = ['running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned'];

/** The list of all sagas, newest first, and their counts. It is requested less often than the status, since it queries the database. */
export function sagasView(main, refresh, query) {
  const filter = new URLSearchParams(query);
  const listAt = el('div', { id: 'list' });
  const countsAt = el('div', { id: 'counts' });
  main.replaceChildren(filters(filter), listAt, countsAt);
  let turn = 0;
  return {
    title: 'Sagas',
    async load() {
      if (turn % 3 === 0) {
        const search = new URLSearchParams(filter);
        search.set('limit', page);
        const answer = await get(`/sagas?${search}`);
        show(listAt, answer, () => list(answer, filter));
      }
      if (turn % 15 === 0) {
        const answer = await get('/counts');
        show(countsAt, answer, () => counts(answer));
      }
      turn++;
    },
  };
}

function filters(filter) {
  const field = (label, input) => el('label', {}, label, input);
  return el('form', {
    class: 'card filters', 'aria-label': 'Filter sagas',
    onsubmit: (event) => {
      event.preventDefault();
      const search = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value !== ''));
      location.hash = `#/sagas?${search}`;
    },
  },
  field('state', el('select', { name: 'state' }, el('option', { value: '' }, 'any'), states.map((state) => el('option', { value: state, selected: filter.get('state') === state }, state)))),
  field('definition', el('input', { name: 'name', value: filter.get('name') ?? '', autocomplete: 'off' })),
  field('owner (coordinator id)', el('input', { name: 'owner', value: filter.get('owner') ?? '', autocomplete: 'off' })),
  el('button', { type: 'submit' }, 'Show'));
}

function list(answer, filter) {
  if (!answer.ok) {
    return card('Sagas', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  if (answer.body.length === 0) {
    return card('Sagas', el('p', { class: 'soft' }, filter.has('before') ? 'No older sagas.' : 'No sagas match.'));
  }
  const older = new URLSearchParams(filter);
  older.set('before', answer.body.at(-1).id);
  return card('Sagas by id, descending', table(answer.body, [
    ['saga', (saga) => sagaLink(saga.id), 'id'], ['definition', (saga) => plain(saga.name, 100)],
    ['state', (saga) => [stateBadge(saga.state), saga.isHeld && [' ', badge('warn', 'held')]]],
    ['created', (saga) => clock(saga.timeCreated)], ['generation', (saga) => saga.generation, 'number'],
  ]), answer.body.length === page && el('p', {}, el('a', { href: `#/sagas?${older}` }, 'Older sagas')));
}

function counts(answer) {
  if (!answer.ok || answer.body.length === 0) {
    return null;
  }
  return card('Counts', table(answer.body, [
    ['definition', (one) => el('a', { href: `#/sagas?${new URLSearchParams({ name: one.name, state: one.state.toLowerCase() })}` }, plain(one.name, 100))],
    ['state', (one) => stateBadge(one.state)], ['owner', (one) => one.owner ?? 'none', 'id'], ['sagas', (one) => one.count, 'number'],
  ]));
}
