import { plain, words } from './text.js';
import { el } from './dom.js';
import { change, reasonOf } from './service.js';

/** What whoever opened the page may do, as the service said then. */
const rights = document.body.dataset.rights;

const whyNot = {
  NotMapped: 'Levers are not mapped: this service shows only. MapSagaRecovery() maps them under a OperatorPolicy.',
  Refused: 'Levers are not for you: you are signed in, but not in the policy that they require.',
}[rights];

const hint = whyNot ?? {
  AfterSigningIn: 'Levers need signing in: your browser asks for it at the first one.',
  Open: 'Levers are open to everybody: Development.',
}[rights];

/** What each lever does, as it stands above its confirmation. */
const does = {
  pause: 'No saga is handed over until recovery is resumed, over restarts, too. What runs goes on, and new sagas start.',
  resume: 'Ends the pause, and runs a pass.',
  hold: 'Keeps this saga from being handed over until it is released. If it runs, it goes on.',
  release: 'Ends the hold, and runs a pass.',
  retry: 'Tries this saga now, whatever its delay.',
  abandon: 'Sets this saga aside for good: nothing carries it on or undoes it any more, and what it has done so far stays. There is no way back.',
  reassign: 'Gives its unfinished sagas to others, evenly, and only to those that can run them; each picks them up at once.',
  drain: 'This process starts no sagas any more. Those that run may finish for a while; what is unfinished then is given to other coordinators. There is no way back but a restart.',
  'inject-error': 'Makes a node fail whose action has started and not ended, so that the saga unwinds.',
};

const graveOnes = ['abandon', 'inject-error', 'drain'];

/** A button that asks for a reason and pulls a lever: on recovery, on a saga, or on a coordinator. */
export function actionButton(kind, target) {
  const { label, coordinator } = target;
  const grave = graveOnes.includes(kind) || coordinator?.answers;
  return el('button', {
    type: 'button',
    class: grave ? 'grave' : null,
    disabled: Boolean(whyNot),
    'aria-describedby': hint ? 'actions-hint' : null,
    'data-key': `action-${kind}${coordinator ? `-${coordinator.id}` : ''}`,
    onclick: () => open(kind, target),
  }, `${label} …`);
}

/** A button that runs a pass: it takes no reason, since a pass may be run at any time. */
export function passButton(after) {
  return el('button', {
    type: 'button', class: 'main', disabled: Boolean(whyNot), 'aria-describedby': hint ? 'actions-hint' : null, 'data-key': 'action-activate',
    onclick: async () => {
      const answer = await pulled('/activate', {});
      tell(answer.ok ? `Pass ${answer.body.start.iteration}: found ${answer.body.found}, recovered ${answer.body.recovered}, failed ${answer.body.failed}.` : reasonOf(answer));
      after();
    },
  }, 'Run a pass now');
}

export function actionHint() {
  return hint ? el('p', { id: 'actions-hint', class: 'soft small' }, hint) : null;
}

/** Says something for a while. */
export function tell(text) {
  const told = document.getElementById('told');
  told.textContent = plain(text, 500);
  clearTimeout(told.timer);
  told.timer = setTimeout(() => { told.textContent = ''; }, 8000);
}

async function pulled(path, request) {
  try {
    return await change(path, request);
  } catch (lost) {
    return { status: 0, ok: false, body: { message: `No answer: ${lost.message}. Whether it was done is not known.` } };
  }
}

function open(kind, { label, saga, coordinator, takers, nodes, after }) {
  const dialog = document.getElementById('action-dialog');
  const answer = el('div', { role: 'alert' });
  const field = (name, text, about = {}) => el('label', {}, text, el('input', { name, maxlength: 1000, autocomplete: 'off', ...about }));
  const form = el('form', { onsubmit: (event) => { event.preventDefault(); submit(); } },
    el('h2', { id: 'action-title' }, saga ? `${label}: ${plain(saga.name, 60)}` : label),
    (saga || coordinator) && el('p', { class: 'id' }, saga?.id ?? coordinator.id),
    el('p', {}, does[kind]),
    nodes && el('label', {}, 'The node that is to fail', el('select', { name: 'node' }, nodes.map((node) => el('option', { value: node }, plain(node, 100))))),
    takers && el('label', {}, 'Who gets them', el('select', { name: 'to' },
      el('option', { value: '' }, 'all that are active and answer'), takers.map((taker) => el('option', { value: taker }, taker)))),
    kind === 'drain' && field('letRun', 'How many seconds sagas may run on', { type: 'number', min: 0, max: 86400, value: 30, required: true }),
    field('reason', 'Reason, for whoever looks later', { required: true, autofocus: true }),
    rights === 'Open' && field('actor', 'Who you are', { required: true }),
    (kind === 'abandon' || kind === 'inject-error') && el('label', {}, el('input', { type: 'checkbox', name: 'force' }), ' although another process that owns it answers'),
    coordinator?.answers && el('label', {}, el('input', { type: 'checkbox', name: 'evenIfOwnerAnswers', required: true }),
      ' although it answers: what it runs is stopped, and run again elsewhere from the last step on'),
    answer,
    el('div', { class: 'row' },
      el('button', { type: 'submit', class: 'main' }, label),
      el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel')));

  async function submit() {
    const given = new FormData(form);
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    const path = saga ? `/sagas/${saga.id}` : coordinator ? `/coordinators/${coordinator.id}` : '';
    const result = await pulled(`${path}/${kind}`, {
      reason: given.get('reason'), actor: given.get('actor'), ...asked(kind, given, saga),
    });
    button.disabled = false;
    if (result.ok) {
      dialog.close();
      tell(result.body.message ?? `${kind}: begun`);
    } else {
      answer.replaceChildren(refused(result));
    }
    after();
  }

  dialog.replaceChildren(form);
  dialog.showModal();
}

/** What a lever is told besides who pulls it, and why. */
function asked(kind, given, saga) {
  switch (kind) {
    case 'reassign': return { to: [given.get('to')].filter(Boolean), evenIfOwnerAnswers: given.get('evenIfOwnerAnswers') !== null, wait: 5 };
    case 'drain': return { letRun: Number(given.get('letRun')) };
    default: return { node: given.get('node'), force: given.get('force') !== null, state: saga?.state, generation: saga?.generation };
  }
}

/** Why nothing was done, and how the saga stands now. */
function refused(result) {
  const present = result.body?.present;
  return el('div', { class: `answer ${result.status === 409 ? 'warn' : 'bad'}` },
    plain(reasonOf(result), 600),
    present && el('p', { class: 'small' }, `Now: ${present.state.toLowerCase()}, generation ${present.generation}${present.isHeld ? ', held' : ''}.`));
}

/** For a list of levers that were pulled. */
export function actionWord(name) {
  return words(name).replaceAll(' ', '-');
}
