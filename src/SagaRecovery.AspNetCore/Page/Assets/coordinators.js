import { count, lasting, plain, seconds } from './text.js';
import { ago, badge, card, el, hostOf, table } from './dom.js';
import { reasonOf } from './service.js';
import { actionButton } from './actions.js';

const stateTones = { Active: 'good', Draining: 'warn', Down: 'calm' };

/** The coordinators of this database. */
export function coordinatorsCard(answer, report, refresh) {
  if (!answer.ok) {
    return card('Coordinators', el('p', { class: 'soft' }, reasonOf(answer)));
  }
  const targets = answer.body.filter((one) => one.state === 'Active' && one.answers);
  return card('Coordinators', table(answer.body, [
    ['coordinator', (one) => [el('strong', {}, hostOf(one)), one.id === report.coordinator.id ? ' (this one)' : '', el('div', { class: 'id' }, one.id)]],
    ['state', (one) => [badge((one.answers && stateTones[one.state]) || 'calm', one.state.toLowerCase()), one.paused && [' ', badge('warn', `paused by ${plain(one.paused.note.actor, 60)}`)], one.unreadable && [' ', el('span', { title: plain(one.unreadable, 1000) }, badge('bad', 'unreadable'))]]],
    ['heartbeat', (one) => badge(one.answers ? 'good' : one.hasShutDown ? 'calm' : 'bad', one.answers ? '✓ alive' : one.hasShutDown ? '– shut down' : '✗ silent')],
    ['version', (one) => plain((one.version ?? '').replace(/(?<=\+.{8}).+/, ''), 40)],
    ['in progress', (one) => one.inProgress ?? '', 'number'],
    ['last seen', (one) => (seconds(one.silence) < 1 ? 'now' : `${lasting(seconds(one.silence))} ago`)],
    ['process', (one) => [`${one.processId}, incarnation ${one.incarnation}`, runs(one)]],
    ['operator action', (one) => one.inProgress > 0 && reassignButton({ id: one.id, answers: one.answers }, targets, refresh), 'controls'],
  ]));
}

function runs(one) {
  return el('details', { 'data-key': `runs-${one.id}` }, el('summary', {}, one.definitions ? count(one.definitions.length, 'definition') : 'any definition'),
    (one.definitions ?? ['It has not published its definitions.']).map((definition) => el('div', { class: 'small' }, plain(definition, 100))));
}

/** The sagas without an owner, or whose owner never joined. Sagas of a known coordinator appear in its row. */
export function orphansCard(answer, coordinators, refresh) {
  const orphans = answer.ok ? answer.body.owners.filter((one) => !one.isKnown && one.count > 0) : [];
  const targets = coordinators.ok ? coordinators.body.filter((one) => one.state === 'Active' && one.answers) : [];
  return orphans.length > 0 && card('Sagas without a known owner', table(orphans, [
    ['owner', (one) => (one.owner ? [el('span', { class: 'id' }, one.owner), ' (never joined)'] : 'unowned')],
    ['sagas', (one) => one.count, 'number'], ['oldest', (one) => one.oldest && ago(one.oldest)],
    ['operator action', (one) => reassignButton({ id: one.owner ?? 'unowned', answers: false }, targets, refresh), 'controls'],
  ]));
}

function reassignButton(coordinator, targets, refresh) {
  return actionButton('reassign', { label: 'Reassign', coordinator, targets: targets.filter((one) => one.id !== coordinator.id), after: refresh });
}
