import { clock, plain } from './text.js';
import { badge, card, el, sagaLink, show, table } from './dom.js';
import { look, reasonOf } from './service.js';
import { stateBadge } from './saga.js';

const page = 50;
const states = ['running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned'];

/** All sagas, newest first, and how many there are of which kind. Lists are asked for less often than the status: they read tables. */
export function sagasView(main, again, query) {
  const given = new URLSearchParams(query);
  const listAt = el('div', { id: 'list' });
  const countsAt = el('div', { id: 'counts' });
  main.replaceChildren(filters(given), listAt, countsAt);
  let turn = 0;
  return {
    title: 'Sagas',
    async load() {
      if (turn % 3 === 0) {
        const asked = new URLSearchParams(given);
        asked.set('limit', page);
        const answer = await look(`/sagas?${asked}`);
        show(listAt, answer, () => list(answer, given));
      }
      if (turn % 15 === 0) {
        const answer = await look('/counts');
        show(countsAt, answer, () => counts(answer));
      }
      turn++;
    },
  };
}

function filters(given) {
  const field = (label, input) => el('label', {}, label, input);
  return el('form', {
    class: 'card filters', 'aria-label': 'Which sagas',
    onsubmit: (event) => {
      event.preventDefault();
      const asked = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value !== ''));
      location.hash = `#/sagas?${asked}`;
    },
  },
  field('state', el('select', { name: 'state' }, el('option', { value: '' }, 'any'), states.map((state) => el('option', { value: state, selected: given.get('state') === state }, state)))),
  field('definition', el('input', { name: 'name', value: given.get('name') ?? '', autocomplete: 'off' })),
  field('owner (coordinator id)', el('input', { name: 'owner', value: given.get('owner') ?? '', autocomplete: 'off' })),
  el('button', { type: 'submit' }, 'Show'));
}

function list(answer, given) {
  if (!answer.ok) {
    return card('Sagas', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  if (answer.body.length === 0) {
    return card('Sagas', el('p', { class: 'soft' }, given.has('before') ? 'There are none before.' : 'There are none like that.'));
  }
  const older = new URLSearchParams(given);
  older.set('before', answer.body.at(-1).id);
  return card('Sagas, newest first', table(answer.body, [
    ['saga', (saga) => sagaLink(saga.id), 'id'], ['definition', (saga) => plain(saga.name, 100)],
    ['state', (saga) => [stateBadge(saga.state), saga.isHeld && [' ', badge('warn', 'held')]]],
    ['created', (saga) => clock(saga.timeCreated)], ['generation', (saga) => saga.generation, 'number'],
  ]), answer.body.length === page && el('p', {}, el('a', { href: `#/sagas?${older}` }, 'Older ones')));
}

function counts(answer) {
  if (!answer.ok || answer.body.length === 0) {
    return null;
  }
  return card('How many there are', table(answer.body, [
    ['definition', (one) => el('a', { href: `#/sagas?${new URLSearchParams({ name: one.name, state: one.state.toLowerCase() })}` }, plain(one.name, 100))],
    ['state', (one) => stateBadge(one.state)], ['owner', (one) => one.owner ?? 'nobody', 'id'], ['sagas', (one) => one.count, 'number'],
  ]));
}
