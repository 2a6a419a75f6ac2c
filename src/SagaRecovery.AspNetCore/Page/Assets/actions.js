import { plain, words } from './text.js';
import { el, hostOf } from './dom.js';
import { change, reasonOf } from './service.js';

/** The rights of the user when the page was opened, as reported by the service. */
const rights = document.body.dataset.rights;

export const unavailable = {
  NotMapped: 'Operator actions are not mapped, so this page is read-only. MapSagaRecovery() maps them under an OperatorPolicy.',
  Refused: 'You have no right to run operator actions: you are signed in, but do not satisfy their policy.',
}[rights];

export const hint = unavailable ?? {
  AfterSigningIn: 'Operator actions require signing in. Your browser asks for your credentials at the first action.',
  Open: 'Operator actions are open to every caller, since the environment is Development.',
}[rights];

/** The effect of each action, shown above its confirmation. */
const effects = {
  pause: 'Recovery resumes no sagas until you resume recovery, even after a restart. Running sagas continue, and new sagas can start.',
  resume: 'Ends the pause, and runs a pass.',
  hold: 'Recovery does not resume this saga until you release it. If it is running, it continues, unless you stop its run.',
  cancel: 'Its owner starts no more steps and undoes those that succeeded. The saga can no longer succeed. This cannot be reversed.',
  release: 'Ends the hold, and runs a pass.',
  acknowledge: 'States that you know of this problem. It stays in the list, and alerts no longer count it, until it is resolved and begins anew.',
  retry: 'Resumes this saga now, and ignores its delay.',
  abandon: 'Sets this saga aside permanently. It is never resumed or undone, and the effects of its completed actions stay. This cannot be reversed.',
  reassign: 'Distributes its unfinished sagas evenly among coordinators that can run them. The new owners resume them at once.',
  drain: 'This process starts no new sagas. Running sagas may finish for the given time, and unfinished sagas are then reassigned to other coordinators. Only a restart ends a drain.',
  'inject-error': 'Fails a node whose action is in flight, so that the saga unwinds.',
  'retry-undo': 'Runs the failed undos of this saga again. Once they succeed, the nodes before them are undone.',
  'skip-undo': 'Marks an undo that has failed or is in flight as done, because you did it manually. It never runs again, and the nodes before it are undone.',
};

export const destructive = ['abandon', 'cancel', 'inject-error', 'drain', 'skip-undo'];

/** The label of the choice of a node, for each action on a node. */
const nodeLabels = { 'inject-error': 'Node to fail', 'skip-undo': 'Node that you have undone' };

/** A button that asks for a reason and runs an operator action on recovery, a saga or a coordinator. */
export function actionButton(kind, target) {
  const { label, coordinator, problem } = target;
  const grave = destructive.includes(kind) || coordinator?.answers;
  return el('button', {
    type: 'button',
    class: grave ? 'grave' : null,
    disabled: Boolean(unavailable),
    'aria-describedby': hint ? 'actions-hint' : null,
    'data-key': `action-${kind}${coordinator || problem ? `-${(coordinator ?? problem).id}` : ''}`,
    onclick: () => open(kind, target),
  }, `${label} …`);
}

/** A button that runs a pass. It needs no reason, since a pass may run at any time. */
export function passButton(after) {
  return el('button', {
    type: 'button', class: 'main', disabled: Boolean(unavailable), 'aria-describedby': hint ? 'actions-hint' : null, 'data-key': 'action-activate',
    onclick: async () => {
      const answer = await send('/activate', {});
      notify(answer.ok ? `Pass ${answer.body.start.iteration}: found ${answer.body.found}, recovered ${answer.body.recovered}, failed ${answer.body.failed}.` : reasonOf(answer));
      after();
    },
  }, 'Run a pass now');
}

export function actionHint() {
  return hint ? el('p', { id: 'actions-hint', class: 'soft small' }, hint) : null;
}

/** Shows a notification for a few seconds. */
export function notify(text) {
  const notification = document.getElementById('notification');
  notification.textContent = plain(text, 500);
  clearTimeout(notification.timer);
  notification.timer = setTimeout(() => { notification.textContent = ''; }, 8000);
}

/** Requests an action. A lost response is an answer, too: the action may have run. */
export async function send(path, request) {
  try {
    return await change(path, request);
  } catch (lost) {
    return { status: 0, ok: false, body: { message: `The service did not respond: ${lost.message}. The action may or may not have run.` } };
  }
}

function open(kind, { label, saga, coordinator, problem, targets, nodes, after }) {
  const dialog = document.getElementById('action-dialog');
  const answer = el('div', { role: 'alert' });
  const form = el('form', { onsubmit: (event) => { event.preventDefault(); submit(); } },
    el('h2', { id: 'action-title' }, saga ? `${label}: ${plain(saga.name, 60)}` : label),
    (saga || coordinator || problem) && el('p', { class: 'id' }, (saga ?? coordinator ?? problem).id),
    el('p', {}, effects[kind]),
    nodes && el('label', {}, nodeLabels[kind], el('select', { name: 'node' }, nodes.map((node) => el('option', { value: node }, plain(node, 100))))),
    targets && newOwner(targets),
    kind === 'drain' && field('gracePeriod', 'Time for running sagas to finish, in seconds', { type: 'number', min: 0, max: 86400, value: 30, required: true }),
    noteFields(),
    kind === 'hold' && el('label', {}, el('input', { type: 'checkbox', name: 'stopRun' }), ' and stop its run, once the steps in flight have ended'),
    (kind === 'abandon' || kind === 'inject-error' || (kind === 'skip-undo' && saga.state !== 'Stuck')) && el('label', {}, el('input', { type: 'checkbox', name: 'force' }), ' even though the process that owns it is alive'),
    coordinator?.answers && el('label', {}, el('input', { type: 'checkbox', name: 'evenIfOwnerAnswers', required: true }),
      ' even though it is alive: its running sagas stop, and resume elsewhere from their last step'),
    answer,
    el('div', { class: 'row' },
      el('button', { type: 'submit', class: 'main' }, label),
      el('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));

  async function submit() {
    const fields = new FormData(form);
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    const path = saga ? `/sagas/${saga.id}` : problem ? '/problems' : coordinator ? `/coordinators/${coordinator.id}` : '';
    const result = await send(`${path}/${kind}`, {
      reason: fields.get('reason'), actor: fields.get('actor'), ...argumentsOf(kind, fields, saga ?? problem),
    });
    button.disabled = false;
    if (result.ok) {
      dialog.close();
      notify(result.body.message ?? (problem ? 'Acknowledged.' : `${kind}: started`));
    } else {
      answer.replaceChildren(failure(result));
    }
    after();
  }

  keepFocus(dialog);
  dialog.replaceChildren(form);
  dialog.showModal();
}

/** Returns the focus to the place from which a dialog was opened, if its button has been replaced meanwhile: the browser would leave it nowhere. */
export function keepFocus(dialog) {
  const place = document.activeElement?.closest('div[id]');
  dialog.addEventListener('close', () => {
    if (document.activeElement === document.body) {
      place?.querySelector('button, a')?.focus({ preventScroll: true });
    }
  }, { once: true });
}

function field(name, text, about = {}) {
  return el('label', {}, text, el('input', { name, maxlength: 1000, autocomplete: 'off', ...about }));
}

/** The fields of a dialog for what is recorded with each action. */
export function noteFields() {
  return [field('reason', 'Reason, for other operators', { required: true, autofocus: true }), rights === 'Open' && field('actor', 'Your name', { required: true })];
}

/** The field of a dialog for the recipient of reassigned sagas, one of some coordinators. */
export function newOwner(targets) {
  return el('label', {}, 'New owner', el('select', { name: 'to' },
    el('option', { value: '' }, 'all active coordinators that are alive'), targets.map((target) => el('option', { value: target.id }, `${hostOf(target)} (${target.id})`))));
}

/** The arguments of an action besides its actor and its reason. */
function argumentsOf(kind, fields, target) {
  switch (kind) {
    case 'acknowledge': return { id: target.id };
    case 'reassign': return { to: [fields.get('to')].filter(Boolean), evenIfOwnerAnswers: fields.get('evenIfOwnerAnswers') !== null, wait: 5 };
    case 'drain': return { gracePeriod: Number(fields.get('gracePeriod')) };
    case 'hold': return { stopRun: fields.get('stopRun') !== null };
    default: return { node: fields.get('node'), force: fields.get('force') !== null, state: target?.state, generation: target?.generation };
  }
}

/** The reason why an action had no effect, and the current state of the saga. */
function failure(result) {
  const present = result.body?.present;
  return el('div', { class: `answer ${result.status === 409 ? 'warn' : 'bad'}` },
    plain(reasonOf(result), 600),
    present && el('p', { class: 'small' }, `Now: ${present.state.toLowerCase()}, generation ${present.generation}${present.isHeld ? ', held' : ''}.`));
}

/** The name of an action in the list of recent actions. */
export function actionWord(name) {
  return words(name).replaceAll(' ', '-');
}
