import { clock, count, plain } from './text.js';
import { el, table } from './dom.js';
import { get, reasonOf } from './service.js';
import { destructive, hint, keepFocus, newOwner, noteFields, send, unavailable } from './actions.js';

const unfinished = ['unfinished', 'running', 'unwinding'];

/**
 * The operator actions on many sagas. For each: its label, its effect, the states in a filter with sagas to which it can apply, and the condition
 * that finds these.
 */
const actions = {
  cancel: {
    label: 'Cancel all', states: ['unfinished', 'running'], condition: ['state', 'running'],
    effect: 'Their owners start no more steps and undo those that succeeded. The sagas can no longer succeed. This cannot be reversed.',
  },
  hold: { label: 'Hold all', states: unfinished, condition: ['state', 'unfinished'], effect: 'Recovery does not resume the sagas until you release them. Those that are running continue, unless you stop their runs.' },
  release: { label: 'Release all', states: unfinished, condition: ['held', 'true'], effect: 'Ends the holds, and runs a pass.' },
  reassign: { label: 'Reassign all', states: unfinished, condition: ['state', 'unfinished'], effect: 'Distributes the sagas evenly among coordinators that can run them. The new owners resume them at once.' },
  abandon: {
    label: 'Abandon all', states: unfinished, condition: ['state', 'unfinished'],
    effect: 'Sets the sagas aside permanently. They are never resumed or undone, and the effects of their completed actions stay. This cannot be reversed.',
  },
};

/** The conditions of a filter, in the order in which they are worded. Other keys of an address, such as the number of rows, exclude no saga. */
const conditions = {
  state: (value) => (value === 'unfinished' ? value : `state ${value}`),
  name: (value) => `definition ${value}`,
  version: (value) => `version ${value}`,
  owner: (value) => `owner ${value}`,
  since: (value) => `since ${value}`,
  until: (value) => `until ${value}`,
  failedNode: (value) => `failed node ${value}`,
  errorCode: (value) => `error code ${value}`,
  tag: (value) => `tag ${value}`,
  held: () => 'held',
};

/** The number of sagas that the page acts on at most. The tool has no such limit. */
const mostSagas = 1000;

/** The number of sagas in one request. */
const batchSize = 500;

/** The number of sagas that a dialog lists. */
const mostListed = 20;

/** The conditions of the query of an address: what excludes sagas, and nothing else. */
export function conditionsOf(query) {
  return new URLSearchParams([...new URLSearchParams(query)].filter(([name, value]) =>
    Object.hasOwn(conditions, name) && value.trim() !== '' && (name !== 'held' || value.toLowerCase() === 'true')));
}

/** The buttons of the operator actions on all sagas of a filter: those that can apply to its state. Without a condition there are none. */
export function batchButtons(filter, after) {
  const state = filter.get('state') ?? 'unfinished';
  return filter.size > 0 && Object.entries(actions).filter(([, action]) => action.states.includes(state)).map(([kind, { label }]) => el('button', {
    type: 'button', class: destructive.includes(kind) ? 'grave' : null, disabled: Boolean(unavailable), 'aria-describedby': hint ? 'actions-hint' : null,
    'data-key': `batch-${kind}`, onclick: () => open(kind, filter, after),
  }, `${label} …`));
}

/** The sagas of a filter to which an action can apply, as a query. */
function searchOf(kind, filter) {
  const [name, value] = actions[kind].condition;
  const search = new URLSearchParams(filter);
  if (!search.has(name) || kind === 'cancel') { // the unfinished sagas have those that can be cancelled among them
    search.set(name, value);
  }
  return search;
}

/** Words a filter, as the tool does. */
function describe(filter) {
  return Object.entries(conditions).flatMap(([name, word]) => filter.getAll(name).map((value) => plain(word(value), 120))).join(', ');
}

async function open(kind, filter, after) {
  const { label, effect } = actions[kind];
  const search = searchOf(kind, filter);
  const lost = (error) => ({ ok: false, body: { message: error.message } });
  const [found, coordinators] = await Promise.all([
    get(`/sagas?${search}&limit=${mostSagas}`, null).catch(lost),
    kind === 'reassign' ? get('/coordinators', null).catch(lost) : { ok: true, body: [] },
  ]);
  const sagas = found.ok ? found.body : [];
  const dialog = document.getElementById('action-dialog');
  const answer = el('div', { role: 'alert' });
  const form = el('form', { onsubmit: (event) => { event.preventDefault(); submit(); } },
    el('h2', { id: 'action-title' }, label),
    el('p', { class: 'filter' }, `Filter: ${describe(search)}`),
    !found.ok ? el('p', { class: 'answer bad' }, plain(reasonOf(found), 400))
      : sagas.length === 0 ? el('p', {}, 'No sagas match to which this applies.')
      : [el('p', {}, summary(sagas, found.next)), listed(sagas), el('p', {}, effect)],
    sagas.length > 0 && [
      kind === 'reassign' && newOwner((coordinators.ok ? coordinators.body : []).filter((one) => one.state === 'Active' && one.answers)),
      noteFields(),
      kind === 'hold' && box('stopRun', ' and stop their runs, once the steps in flight have ended'),
      kind === 'abandon' && box('force', ' even though the processes that own them are alive'),
      kind === 'reassign' && box('force', ' even though their owners are alive: running sagas stop, and resume elsewhere from their last step'),
    ],
    answer,
    el('div', { class: 'row' },
      sagas.length > 0 && el('button', { type: 'submit', class: 'main' }, `${label.replace(' all', '')} ${count(sagas.length, 'saga')}`),
      el('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));

  async function submit() {
    const fields = new FormData(form);
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    let done = 0;
    const refused = [];
    for (let i = 0; i < sagas.length; i += batchSize) {
      const result = await send(`/sagas/${kind}`, {
        sagas: sagas.slice(i, i + batchSize).map((saga) => saga.id), reason: fields.get('reason'), actor: fields.get('actor'),
        force: fields.get('force') !== null, stopRun: fields.get('stopRun') !== null, to: [fields.get('to')].filter(Boolean),
      });
      if (!result.ok) {
        answer.replaceChildren(el('p', { class: 'answer bad' }, `${done} done, ${sagas.length - i} left. ${plain(reasonOf(result), 600)}`));
        after();
        return;
      }
      done += result.body.done + result.body.alreadyDone;
      refused.push(...result.body.refused);
    }
    answer.replaceChildren(el('div', { class: `answer ${refused.length ? 'warn' : 'good'}` }, `${done} done, ${refused.length} refused.`,
      refused.length > 0 && el('ul', {}, refused.slice(0, 10).map((one) => el('li', {}, plain(one.message, 300))))));
    after();
  }

  keepFocus(dialog);
  dialog.replaceChildren(form);
  dialog.showModal();
}

function box(name, text) {
  return el('label', {}, el('input', { type: 'checkbox', name }), text);
}

/** The number of sagas with their definitions, as the tool words it. */
function summary(sagas, next) {
  const names = new Map();
  sagas.forEach(({ name }) => names.set(name, (names.get(name) ?? 0) + 1));
  const largest = [...names].sort(([, a], [, b]) => b - a).slice(0, 5).map(([name, number]) => `${number} ${plain(name, 60)}`);
  return `${count(sagas.length, 'saga')}${next ? ', the newest of more' : ''}: ${largest.join(', ')}${names.size > 5 ? ' and others' : ''}. `
    + `Started from ${clock(sagas.at(-1).timeCreated)} to ${clock(sagas[0].timeCreated)}. Each is handled as by the action on one saga.`;
}

/** The first sagas that an action concerns. */
function listed(sagas) {
  return el('div', { class: 'listed', tabindex: 0, role: 'region', 'aria-label': 'The sagas' },
    table(sagas.slice(0, mostListed), [
      ['saga', (saga) => saga.id, 'id'], ['definition', (saga) => plain(saga.name, 60)], ['state', (saga) => saga.state.toLowerCase()], ['created', (saga) => clock(saga.timeCreated)],
    ]),
    sagas.length > mostListed && el('p', { class: 'soft small' }, `… and ${sagas.length - mostListed} more.`));
}
