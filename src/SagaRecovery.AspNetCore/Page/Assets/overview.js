import { clock, lasting, plain, seconds } from './text.js';
import { ago, badge, card, el, lastingSince, more, now, sagaCell, sagaLink, show, table } from './dom.js';
import { get } from './service.js';
import { actionButton, actionHint, actionWord, passButton } from './actions.js';
import { histogram, timeline } from './charts.js';
import { attention } from './attention.js';
import { coordinatorsCard, orphansCard } from './coordinators.js';

/** The overview of recovery: what waits for an operator comes first. */
export function overview(main, refresh) {
  const places = ['attention', 'orphans', 'tiles', 'operations', 'trouble', 'coordinators', 'charts', 'recovered', 'actions'].map((name) => el('div', { id: name }));
  const [attentionAt, orphansAt, tilesAt, operationsAt, troubleAt, coordinatorsAt, chartsAt, recoveredAt, historyAt] = places;
  main.replaceChildren(...places);
  let turn = 0;
  let inProgress = null;
  const afterReassign = () => { turn = 0; refresh(); };
  const showTiles = (report) => show(tilesAt, tileFacts(report, inProgress), () => tiles(tileFacts(report, inProgress)));
  const showAttention = (report) => {
    const oldAt = ageOf(report, report.problems?.at);
    show(attentionAt, [report.problems?.problems, report.problems?.counts, report.waiting, oldAt], () => attention(report, oldAt, refresh));
  };
  return {
    title: 'Overview',
    async load(report) {
      showAttention(report);
      showTiles(report);
      show(operationsAt, [report.paused !== null, report.drain !== null, report.retention], () => actionButtons(report, refresh));
      show(chartsAt, [report.recentPasses, report.timeToRecover], () => charts(report));
      show(troubleAt, [report.slotBacklog, report.held, report.stalled?.sagas, report.steps?.retrying, report.steps?.hanging, report.recentFailures], () => trouble(report));
      show(recoveredAt, report.recentlyRecovered, () => recovered(report));
      show(historyAt, report.recentActions, () => actions(report));
      if (turn++ % 3 === 0) {
        const [answer, cluster] = await Promise.all([get('/coordinators'), get('/cluster')]);
        inProgress = answer.ok ? answer.body.find((one) => one.id === report.coordinator.id)?.inProgress ?? null : null;
        showTiles(report);
        show(orphansAt, [cluster.body?.owners, cluster.status], () => orphansCard(cluster, answer, afterReassign));
        show(coordinatorsAt, answer, () => coordinatorsCard(answer, report, afterReassign));
      }
    },
  };
}

/** The age, in ms, from which a number says how old it is. By default the numbers of the store are read each minute. */
const oldAge = 90_000;

/** Returns the time of a number from the store if it may have changed since: it is old, or the store does not answer. Returns null otherwise. */
function ageOf({ lastPass, heartbeat }, at) {
  const isAway = lastPass?.result === 'Failed' || heartbeat?.lateSince;
  return at && (isAway || now() - Date.parse(at) > oldAge) ? at : null;
}

/**
 * The tiles: label, number, tone, and the time of an old number. A number is null if it is not known. The count in progress comes from the database, the
 * count running here from the last pass.
 */
function tileFacts(report, inProgress) {
  const { lastPass: pass, unresolved, cluster, steps, stalled } = report;
  const some = (number, tone) => (number > 0 ? tone : 'calm');
  const [resolvedAt, clusterAt] = [ageOf(report, unresolved?.at), ageOf(report, cluster?.at)];
  return [
    ['stuck', unresolved?.stuck.count, some(unresolved?.stuck.count, 'bad'), resolvedAt],
    ['waiting to be recovered', report.waitingCount, some(report.waitingCount, 'warn')],
    ['steps hanging', steps?.hangingCount, some(steps?.hangingCount, 'bad')],
    ['orphans', cluster?.orphans.count, some(cluster?.orphans.count, 'bad'), clusterAt],
    ['owner down', cluster?.ownerDown.count, some(cluster?.ownerDown.count, 'bad'), clusterAt],
    ['abandoned', unresolved?.abandoned.count, some(unresolved?.abandoned.count, 'warn'), resolvedAt],
    ['held', report.heldCount, some(report.heldCount, 'warn')],
    ['stalled', stalled?.count, some(stalled?.count, 'warn')],
    ['steps retried', steps?.retryingCount, steps?.overdueCount > 0 ? 'warn' : some(steps?.retryingCount, 'busy')],
    ['deferred', pass?.deferred ?? 0, some(pass?.deferred, 'warn')],
    ['in progress here', inProgress, some(inProgress, 'busy')],
    ['accepted here at the last pass', report.tracked, some(report.tracked, 'busy')],
    ['waiting for a slot', report.waitingForSlot, some(report.waitingForSlot, 'busy')],
    ['recovered since start', report.totals.recovered, some(report.totals.recovered, 'good')],
    ['failed to recover since start', report.totals.failed, pass?.failed > 0 ? 'bad' : 'calm'],
    ['hints missed', report.totals.missedHints, 'calm'],
    [`passes, ${report.totals.failedPasses} failed`, report.totals.passes, pass?.result === 'Failed' ? 'bad' : 'calm'],
  ].map(([label, number, tone, oldAt]) => [label, number ?? null, tone, oldAt ?? null]);
}

const urgency = ['bad', 'warn', 'busy', 'good', 'calm'];

/** The tiles with what needs an operator first. What is zero is one quiet line, and what is not known another. */
function tiles(facts) {
  const [some, none, unknown] = [(number) => number > 0, (number) => number === 0, (number) => number === null].map((is) => facts.filter(([, number]) => is(number)));
  const sorted = some.toSorted(([, , one], [, , other]) => urgency.indexOf(one) - urgency.indexOf(other));
  const named = (label, oldAt) => [label, oldAt && [', as of ', ago(oldAt)]];
  return [
    el('div', { class: 'tiles' }, sorted.map(([label, number, tone, oldAt]) => el('div', { class: `tile ${tone}` }, el('b', {}, number), el('span', {}, named(label, oldAt))))),
    none.length > 0 && el('p', { class: 'zeros soft small' }, none.map(([label, , , oldAt]) => el('span', { class: 'tile zero' }, el('b', {}, 0), ' ', named(label, oldAt)))),
    unknown.length > 0 && el('p', { class: 'zeros soft small' }, `Not known: ${unknown.map(([label]) => label).join(', ')}.`),
  ];
}

function actionButtons(report, refresh) {
  return el('div', { class: 'card' },
    el('div', { class: 'row' },
      passButton(refresh),
      report.paused ? actionButton('resume', { label: 'Resume recovery', after: refresh }) : actionButton('pause', { label: 'Pause recovery', after: refresh }),
      !report.drain && actionButton('drain', { label: 'Drain this process', after: refresh }),
      el('a', { href: '#/plan' }, 'Preview the next pass')),
    actionHint(),
    report.retention && retention(report.retention));
}

/** What is deleted when, and how the last run went. */
function retention({ policy, archives, endedAbout, oldest, lastRun, nextRun, failedInARow }) {
  const ended = endedAbout === null ? 'number of ended sagas not known yet' : `about ${endedAbout.toLocaleString('en-US')} ended sagas`;
  return el('p', { class: 'soft small' },
    `Retention: ${policy === null ? 'off' : `${plain(policy)}${archives ? ', exported before' : ''}`}; ${ended}`, oldest && [', the oldest saga of ', ago(oldest)],
    lastRun && ['; last run ', ago(lastRun.startedAt), `, deleted ${lastRun.deleted.toLocaleString('en-US')} `],
    failedInARow > 0 && [badge('bad', `failed ${failedInARow} in a row`), ` ${plain(lastRun.error)}`],
    nextRun && ['; next ', ago(nextRun)]);
}

function charts(report) {
  return el('div', { class: 'pair' },
    card('The last passes', report.recentPasses.length ? timeline(report.recentPasses) : el('p', { class: 'soft' }, 'No pass has ended yet.')),
    card('Idle time before recovery', histogram(report.timeToRecover)));
}

/** The number of definitions that are shown with their sagas that wait for a slot. */
const slotBacklogShown = 20;

function trouble(report) {
  const { stalled, steps } = report;
  return [
    report.waitingForSlot > 0 && card(`Waiting for a slot (${report.waitingForSlot})`,
      el('p', {}, `${report.notLoaded} not loaded, ${report.queuedInExecutor ?? 0} loaded and queued in the executor.`),
      report.slotBacklog.length > 0 && table(report.slotBacklog.slice(0, slotBacklogShown), [
        ['definition', (one) => plain(one.definition)], ['sagas', (one) => one.count, 'number'], ['idle since', (one) => (one.since ? ago(one.since) : '')],
      ]),
      more(report.slotBacklog.length - slotBacklogShown)),
    report.heldCount > 0 && card(`Held (${report.heldCount})`, table(report.held, [
      ['saga', (saga) => sagaCell(saga.sagaId, saga.name)],
      ['by', (saga) => plain(saga.note.actor, 60)], ['why', (saga) => plain(saga.note.reason)], ['since', (saga) => ago(saga.since)],
    ]), more(report.heldCount - report.held.length)),
    stalled?.count > 0 && card(`Stalled (${stalled.count})`, table(stalled.sagas, [
      ['saga', (saga) => sagaCell(saga.sagaId, saga.name)],
      ['last event', (saga) => plain(saga.lastEvent ?? 'no event yet')], ['since', (saga) => ago(saga.since)],
    ]), more(stalled.count - stalled.sagas.length)),
    steps?.retryingCount > 0 && card(`Steps being retried (${steps.retryingCount})`, stepsTable(steps.retrying), more(steps.retryingCount - steps.retrying.length)),
    steps?.hangingCount > 0 && card(`Steps that do not end (${steps.hangingCount})`, stepsTable(steps.hanging), more(steps.hangingCount - steps.hanging.length)),
    report.recentFailures.length > 0 && failures(report.recentFailures),
  ];
}

/** The last failures, one row for each saga. */
function failures(all) {
  const bySaga = [...Map.groupBy([...all].reverse(), (failed) => failed.sagaId).values()];
  return card(`Failures, the last ${all.length}`, table(bySaga.slice(0, 10), [
    ['saga', ([last]) => sagaCell(last.sagaId, last.name)], ['last error', ([last]) => plain(last.message)], ['when', ([last]) => ago(last.time)],
    ['times', (failed) => failed.length, 'number'],
  ]), more(bySaga.length - 10));
}

function stepsTable(steps) {
  return table(steps, [
    ['saga', (step) => sagaCell(step.sagaId, step.name)],
    ['step', (one) => [one.isOverdue && badge('warn', 'for too long'), ` ${one.step.isUndo ? 'undo' : 'action'} of ${plain(one.step.node, 80)}`]],
    ['attempt', (one) => one.step.attempt, 'number'],
    ['last error', (one) => (one.step.lastError ? plain(one.step.lastError) : '')],
    ['since', (one) => ago(one.step.since)],
    ['next attempt', (one) => (one.step.nextAttempt ? ago(one.step.nextAttempt) : one.step.attemptSince ? ['running for ', lastingSince(one.step.attemptSince)] : 'due')],
  ]);
}

function recovered(report) {
  const sagas = report.recentlyRecovered;
  return sagas.length > 0 && card(`Recovered, the last ${sagas.length}`,
    recoveredTable(sagas.slice(-8).reverse()),
    sagas.length > 8 && el('details', { 'data-key': 'recovered-all' }, el('summary', {}, `${sagas.length - 8} earlier ones`), recoveredTable(sagas.slice(0, -8).reverse())));
}

function recoveredTable(sagas) {
  return table(sagas, [
    ['when', (saga) => ago(saga.time)], ['saga', (saga) => sagaLink(saga.sagaId), 'id'], ['definition', (saga) => plain(saga.name)],
    ['idle for', (saga) => lasting(seconds(saga.idle))],
  ]);
}

function actions(report) {
  return report.recentActions.length > 0 && card('Operator actions', table(report.recentActions.slice(-20).reverse(), [
    ['when', (action) => el('span', { title: clock(action.time) }, ago(action.time))], ['action', (action) => actionWord(action.kind), 'when'],
    ['on', on], ['by', (action) => plain(action.note.actor, 60), 'who'], ['why', (action) => plain(action.note.reason)],
  ]));
}

function on(action) {
  if (action.sagaId) {
    return sagaLink(action.sagaId);
  }
  if (action.kind === 'Purge') {
    return 'ended sagas';
  }
  const moves = ['Reassign', 'TakeOver', 'Drain', 'Forget'].includes(action.kind);
  return !moves ? 'recovery' : action.coordinator ? el('span', { class: 'id' }, `coordinator ${action.coordinator}`) : 'unowned sagas';
}
