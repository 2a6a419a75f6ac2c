import { count, lasting, plain, seconds } from './text.js';
import { ago, badge, card, el, table } from './dom.js';
import { reasonOf } from './service.js';
import { actionButton } from './actions.js';

const stateTones = { Active: 'good', Draining: 'warn', Down: 'calm' };

/** Who runs sagas on this database, and those sagas that nobody is going to run. */
export function coordinatorsCard(answer, report, again) {
  if (!answer.ok) {
    return card('Coordinators', el('p', { class: 'soft' }, reasonOf(answer)));
  }
  const takers = answer.body.filter((one) => one.state === 'Active' && one.answers);
  return card('Coordinators', table(answer.body, [
    ['coordinator', (one) => [el('span', { class: 'id' }, one.id), one.id === report.coordinator.id ? ' (this one)' : '']],
    ['state', (one) => [badge((one.answers && stateTones[one.state]) || 'calm', one.state.toLowerCase()), one.paused && [' ', badge('warn', `paused by ${plain(one.paused.note.actor, 60)}`)]]],
    ['answers', (one) => badge(one.answers ? 'good' : one.hasLeft ? 'calm' : 'bad', one.answers ? '✓ answers' : one.hasLeft ? '– shut down' : '✗ silent')],
    ['version', (one) => plain((one.version ?? '').replace(/(?<=\+.{8}).+/, ''), 40)],
    ['in progress', (one) => one.inProgress ?? '', 'number'],
    ['last seen', (one) => `${lasting(seconds(one.silence))} before`],
    ['process', (one) => [`${plain(one.host, 60)}, ${one.processId}, incarnation ${one.incarnation}`, runs(one)]],
    ['', (one) => one.inProgress > 0 && reassignButton({ id: one.id, answers: one.answers }, takers, again)],
  ]));
}

function runs(one) {
  return el('details', { 'data-key': `runs-${one.id}` }, el('summary', {}, one.definitions ? count(one.definitions.length, 'definition') : 'any definition'),
    (one.definitions ?? ['It does not say which.']).map((definition) => el('div', { class: 'small' }, plain(definition, 100))));
}

/** Sagas whose owner never joined, or that have none; those of a coordinator that is silent stand with that. */
export function orphansCard(answer, coordinators, again) {
  const orphans = answer.ok ? answer.body.owners.filter((one) => !one.isKnown && one.count > 0) : [];
  const takers = coordinators.ok ? coordinators.body.filter((one) => one.state === 'Active' && one.answers) : [];
  return orphans.length > 0 && card('Sagas whose owner is no known coordinator', table(orphans, [
    ['owner', (one) => (one.owner ? [el('span', { class: 'id' }, one.owner), ' (never joined)'] : 'nobody')],
    ['sagas', (one) => one.count, 'number'], ['the oldest', (one) => one.oldest && ago(one.oldest)],
    ['', (one) => reassignButton({ id: one.owner ?? 'nobody', answers: false }, takers, again)],
  ]));
}

function reassignButton(coordinator, takers, again) {
  return actionButton('reassign', { label: 'Reassign', coordinator, takers: takers.map((one) => one.id).filter((id) => id !== coordinator.id), after: again });
}
