import { words } from './text.js';
import { badge } from './dom.js';

const stateTones = { Running: 'busy', Unwinding: 'warn', Succeeded: 'good', Unwound: 'calm', Stuck: 'bad', Abandoned: 'bad', Unknown: 'bad' };
const stateSigns = { Running: '▶', Unwinding: '↺', Succeeded: '✓', Unwound: '↩', Stuck: '‼', Abandoned: '✗' };
const verdictTones = {
  RunningHere: 'busy', UnwindingHere: 'warn', Starting: 'busy', WaitingForSlot: 'calm', ToBeRecovered: 'busy', NotOwned: 'calm', HeldByPausedNode: 'warn', Finished: 'calm',
  Stuck: 'bad', Abandoned: 'bad', Unreadable: 'bad', UnknownDefinition: 'bad', Fenced: 'bad', Unknown: 'bad',
};

/** The verdicts that say more than the state of a saga in progress: the badge shows them in its place. */
const moreThanState = (verdict) => !['RunningHere', 'UnwindingHere', 'NotOwned', 'Finished', 'Unknown'].includes(verdict);

export const isInProgress = (state) => state === 'Running' || state === 'Unwinding';

export function stateBadge(state) {
  return badge(stateTones[state] ?? 'calm', `${stateSigns[state] ?? ''} ${state.toLowerCase()}`);
}

/** The badges of one saga. A saga in progress that no process runs is not called running. */
export function statusBadges({ summary, owner }, verdict) {
  if (!isInProgress(summary.state)) {
    return stateBadge(summary.state);
  }
  const held = summary.isHeld && badge('warn', 'held');
  const unwinding = summary.state === 'Unwinding' && stateBadge('Unwinding');
  if (verdict.verdict === 'NotOwned' && !owner?.answers) {
    return [badge('bad', summary.owner ? 'owner is down' : 'unowned'), held, unwinding];
  }
  const mayRunElsewhere = verdict.verdict === 'NotOwned' && summary.isHeld; // only its owner knows
  return verdict.verdict === 'Held' || mayRunElsewhere ? [held, unwinding]
    : moreThanState(verdict.verdict) ? [badge(verdictTones[verdict.verdict] ?? 'warn', words(verdict.verdict)), held, unwinding]
    : [stateBadge(summary.state), held];
}

/** The badges of a saga in a list, from its row, the sagas that this process knows to wait, by id, and the owners that do not answer. */
export function listedBadges(saga, { waiting, down }) {
  if (!isInProgress(saga.state)) {
    return stateBadge(saga.state);
  }
  const reason = saga.isHeld ? badge('warn', 'held')
    : !saga.owner ? badge('bad', 'unowned')
    : down.has(saga.owner) ? badge('bad', 'owner is down')
    : saga.phase && saga.phase !== 'Running' ? badge('calm', words(saga.phase))
    : waiting.has(saga.id) && badge(waiting.get(saga.id) === 'BackingOff' ? 'warn' : 'bad', words(waiting.get(saga.id)));
  return reason && saga.state === 'Running' ? reason : [reason, reason && ' ', stateBadge(saga.state)];
}

/** The verdicts with which no process runs a saga. */
const idle = ['BackingOff', 'UnknownDefinition', 'Held', 'HeldByPausedNode', 'Paused', 'Deferred', 'ToBeRecovered', 'WaitingForSlot', 'Stuck', 'Abandoned', 'Finished'];

/** Returns if some process may run a saga. Without a verdict it may. */
export function mayRun(saga, verdict) {
  return !verdict || (verdict.verdict === 'NotOwned' ? Boolean(saga.owner?.answers) : !idle.includes(verdict.verdict));
}

/** The verdicts with which a retry does something: recovery attempts the saga at once. */
export function canRetry({ verdict }) {
  return ['BackingOff', 'UnknownDefinition', 'Unreadable', 'ToBeRecovered'].includes(verdict);
}

/** The tone of the explanation of a saga. */
export function toneOf(verdict, saga) {
  if (verdict.verdict === 'Finished') {
    return stateTones[saga?.summary.state] ?? 'calm';
  }
  const ownerIsDown = verdict.verdict === 'NotOwned' && saga && !saga.owner?.answers;
  return ownerIsDown ? 'bad' : verdict.verdict === 'NotOwned' && saga?.summary.state === 'Unwinding' ? 'warn' : verdictTones[verdict.verdict] ?? 'warn';
}

/** Words the number of problems of a kind. Some kinds have one problem at most, whatever its size. */
export function countOf(kind, number) {
  const single = { PassesFail: 'passes fail', Fenced: 'fenced', Unowned: 'unowned sagas' };
  return single[kind] ?? `${number} ${words(kind)}`;
}

/** Returns if a kind of problems is no emergency. */
export function isCalm(kind) {
  return ['Abandoned', 'Held', 'Paused'].includes(kind);
}
