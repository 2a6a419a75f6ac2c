import { count, plain } from './text.js';
import { ago, el, lastingSince } from './dom.js';
import { countOf, isCalm } from './states.js';

/** The parts of a report that the banners show. */
export function bannerFacts(report) {
  const { coordinator, heartbeat, paused, previous, lastPass, cluster, problems, drain } = report;
  return [coordinator, heartbeat?.lateSince, heartbeat?.listenerError, paused, previous, lastPass?.result, lastPass?.error, cluster?.orphans, cluster?.ownerDown, problems?.counts, drain];
}

/** The banners above each view. What concerns sagas is one line there, except in the overview. */
export function banners(report, isOverview) {
  const { coordinator, heartbeat, paused, previous, lastPass, cluster, problems, drain } = report;
  return [
    coordinator.fenced && banner('bad', 'Fenced', ` by incarnation ${coordinator.fenced.by}, `, ago(coordinator.fenced.at), ': a newer process has joined under this coordinator id. This process has stopped its sagas and accepts no new work. Stop it.'),
    coordinator.incompatible && banner('bad', 'Incompatible store', `: ${plain(coordinator.incompatible, 600)}`),
    !coordinator.incarnation && banner('warn', 'Not joined yet', ': this process has not joined as a coordinator yet, and runs no sagas.'),
    heartbeat?.lateSince && banner('bad', 'Heartbeat late', ', none written for ', lastingSince(heartbeat.lateSince), `${heartbeat.error ? `: ${clause(heartbeat.error)}` : ''}. Other coordinators may take over the sagas of this process.`),
    heartbeat?.listenerError && banner('warn', 'No listener connection', `: ${clause(heartbeat.listenerError)}. Heartbeats use the pool. Sagas assigned to this process are found at the next heartbeat. Operator actions in other processes take effect here at the next periodic pass.`),
    lastPass?.result === 'Failed' && banner('bad', 'The last pass failed', `: ${plain(lastPass.error ?? '', 300)}`),
    paused && banner('warn', 'Paused', ` by ${plain(paused.note.actor, 60)}, `, ago(paused.since), `: ${plain(paused.note.reason, 300)}. Recovery resumes no sagas until the pause ends.`),
    drain && banner('warn', 'Draining', ', requested by ', plain(drain.note.actor, 60), ', ', ago(drain.since), `: ${plain(drain.note.reason, 300)}. No new sagas start. ${phases[drain.phase]?.(drain) ?? ''}`),
    isOverview ? [
      cluster?.orphans.count > 0 && unowned(cluster.orphans, 'orphan', ', unfinished and without a known owner', 'orphans'),
      cluster?.ownerDown.count > 0 && unowned(cluster.ownerDown, 'unfinished saga', ' whose owner is down', 'coordinators'),
    ] : elsewhere(problems),
    previous?.loopMessage && banner('bad', 'Crash loop', `: ${plain(previous.loopMessage, 600)}`),
    previous?.crashed && banner('calm', 'The previous process did not shut down', ', last seen ', ago(previous.lastSeen), previous.inFlight > 0 ? `; ${count(previous.inFlight, 'saga')} it had in flight will be resumed last.` : '.'),
  ];
}

/** A text from outside as the end of a sentence, without its own full stop. */
function clause(text) {
  return plain(text, 300).replace(/[.\s]+$/, '');
}

const phases = {
  WaitingForRuns: () => 'Running sagas may finish.',
  Reassigning: () => 'The remaining sagas are being reassigned.',
  Drained: (drain) => `Drained: ${drain.reassigned} reassigned, none left.`,
  Unanswered: () => 'The database did not respond. Request the drain again.',
  Incomplete: (drain) => `${drain.reassigned} reassigned, ${drain.left} left, which resume when this process starts again.${drain.paused?.length > 0 ? ` Took none, since their recovery is paused: ${drain.paused.join(', ')}.` : ''}`,
};

function unowned(sagas, what, why, place) {
  return banner('bad', count(sagas.count, what), why, sagas.oldest && [', the oldest started ', ago(sagas.oldest)],
    '. ', el('button', { type: 'button', class: 'link', 'data-key': `to-${place}`, onclick: () => document.getElementById(place)?.scrollIntoView() }, 'Reassign them'), '.');
}

/** The problems that no operator has acknowledged, as one line. */
function elsewhere(problems) {
  const open = (problems?.counts ?? []).filter((one) => one.open > 0);
  const tone = open.every((one) => isCalm(one.kind)) ? 'warn' : 'bad';
  return open.length > 0 && banner(tone, 'Needs attention', `: ${open.map((one) => countOf(one.kind, one.open)).join(', ')}. `, el('a', { href: '#/' }, 'Overview'), '.');
}

export function banner(tone, title, ...text) {
  return el('p', { class: `banner ${tone}` }, el('strong', {}, title), text);
}
