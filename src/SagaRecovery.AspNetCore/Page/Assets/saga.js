import { clock, plain, words } from './text.js';
import { ago, card, el, hostOf, now, show } from './dom.js';
import { addressOf, get, reasonOf } from './service.js';
import { actionButton, actionHint } from './actions.js';
import { courseCard, extendCourse } from './course.js';
import { eventsCard, payload } from './events.js';
import { drawGraph, scrollGraph } from './graph.js';
import { begunNodes, nodesOf, undosToSkip } from './nodes.js';
import { canRetry, isInProgress, mayRun, statusBadges, toneOf } from './states.js';
import { stepsCard } from './steps.js';

const ended = ['Succeeded', 'Unwound', 'Abandoned', 'Unknown'];

/** The view of one saga: its verdict and operator actions, the steps in progress, the graph and the timeline of its nodes, its details and events. */
export function sagaView(main, refresh, id) {
  const places = ['notice', 'verdict', 'steps', 'graph', 'course', 'facts', 'events'].map((name) => el('div', { id: name }));
  const [noticeAt, verdictAt, stepsAt, graphAt, courseAt, factsAt, eventsAt] = places;
  main.replaceChildren(...places);
  const scrolled = {};
  let readAt = null; // the time of the last answer, which stays on the view while the database is away
  return {
    title: `Saga ${id.slice(0, 8)}`,
    async load() {
      const path = `/sagas/${encodeURIComponent(id)}`;
      const [explained, found] = await Promise.all([get(`${path}/explain`), get(path)]);
      const failed = [explained, found].find((one) => one.status >= 500);
      show(noticeAt, failed && readAt && [reasonOf(failed), readAt], () => failed && readAt && notice(failed, readAt));
      if (failed && readAt) {
        return;
      }
      readAt = failed ? null : new Date(now()).toISOString();
      const saga = found.ok ? found.body : null;
      const verdict = explained.body?.verdict ? explained.body : null;
      const calm = verdict && { ...verdict, owner: null }; // the owner's silence changes with every request
      const runs = saga && mayRun(saga, verdict);
      const nodes = saga ? nodesOf(saga, runs) : [];
      const steps = verdict?.run?.steps ?? [];
      show(verdictAt, [calm, saga?.summary, saga?.hold, saga?.events.length, explained.status], () => verdictCard(id, verdict, explained, saga, nodes, refresh));
      show(stepsAt, steps, () => stepsCard(steps));
      const width = verdictAt.clientWidth - 44; // the card's padding, and the margin of the drawing
      show(graphAt, [saga?.graph, saga?.events, runs, width], () => saga && graphCard(saga, nodes, width, scrolled));
      scrollGraph(graphAt, nodes, scrolled);
      const isOpen = saga && runs && isInProgress(saga.summary.state);
      show(courseAt, [isOpen, saga?.events, steps], () => saga && courseCard(nodes, steps, isOpen));
      extendCourse(courseAt);
      show(eventsAt, saga?.events, () => saga && eventsCard(saga));
      show(factsAt, saga && { ...saga, owner: saga.owner?.host }, () => saga && factsCard(saga));
    },
  };
}

/** What a view of earlier says above it. */
function notice(failed, readAt) {
  return el('p', { class: 'answer bad', role: 'status' }, `Not up to date: ${plain(reasonOf(failed), 400)} The saga is shown as it was `, ago(readAt), '.');
}

function verdictCard(id, verdict, explained, saga, nodes, refresh) {
  if (!verdict) {
    return card('This saga', el('p', { class: 'answer bad' }, plain(reasonOf(explained), 400)));
  }
  const facts = [
    ['since', verdict.since && ago(verdict.since)], ['next try', verdict.nextTry && ago(verdict.nextTry)],
    ['failures in a row', verdict.failures || null], ['last event', verdict.lastEvent && plain(verdict.lastEvent)],
  ].filter(([, value]) => value);
  return el('section', { class: 'card' },
    el('div', { class: 'row' }, el('h2', {}, saga ? plain(saga.summary.name, 100) : 'No such saga'), saga && statusBadges(saga, verdict)),
    el('p', { class: 'id' }, plain(id, 100)),
    el('div', { class: `answer ${toneOf(verdict, saga)}`, id: 'why' },
      el('strong', {}, leadOf(verdict, saga)), `. ${plain(verdict.reason, 1000)}`,
      verdict.unwinding && progress(verdict.unwinding),
      verdict.advice && el('p', {}, `→ ${plain(verdict.advice, 400)}`)),
    facts.length > 0 && el('dl', {}, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    saga && actionButtons(saga, verdict, nodes, refresh),
    saga && el('p', { class: 'row keep small' },
      el('a', { href: addressOf(`/sagas/${encodeURIComponent(id)}/incident`), download: `saga-${id}.txt`, 'data-key': 'incident' }, 'Save everything as text'),
      el('button', { type: 'button', class: 'link', 'data-key': 'print', onclick: () => print() }, 'Print')));
}

/** The verdict in words. What has ended is called by its state, and an unwinding saga is called so wherever it is. */
function leadOf({ verdict, slots }, saga) {
  const state = saga?.summary.state;
  const lead = verdict === 'NotOwned' ? 'not owned by this process' : verdict === 'Finished' && state ? state.toLowerCase() : words(verdict) + (slots ? ` (${slots.running} of ${slots.limit} run)` : '');
  return state === 'Unwinding' && verdict !== 'UnwindingHere' ? `unwinding, ${lead}` : lead;
}

/** How far a saga is undone. */
function progress({ undone, toUndo }) {
  return toUndo > 0 && el('p', { class: 'row' },
    el('progress', { max: toUndo, value: undone, 'aria-label': 'Nodes undone' }), el('span', { class: 'soft' }, `${undone} of ${toUndo} undone`));
}

function actionButtons(saga, verdict, nodes, refresh) {
  const { state } = saga.summary;
  if (ended.includes(state)) {
    return el('p', { class: 'soft small' }, state === 'Unknown' ? 'The state cannot be read. No operator action applies.' : 'The saga has ended. No operator action applies.');
  }
  const button = (name, label, more) => actionButton(name, { label, saga: saga.summary, after: refresh, ...more });
  const [begun, undos] = [begunNodes(nodes), undosToSkip(nodes)];
  const isStuck = state === 'Stuck';
  return [
    el('div', { class: 'row' },
      isStuck && button('retry-undo', 'Retry the undo'),
      !isStuck && (saga.hold ? button('release', 'Release') : button('hold', 'Hold')),
      canRetry(verdict) && button('retry', 'Retry now'),
      !isStuck && begun.length > 0 && button('inject-error', 'Inject an error', { nodes: begun }),
      undos.length > 0 && button('skip-undo', 'Skip an undo', { nodes: undos }),
      state === 'Running' && !saga.cancellation && button('cancel', 'Cancel the saga'),
      !isStuck && button('abandon', 'Abandon')),
    actionHint(),
  ];
}

function graphCard(saga, nodes, width, seen) {
  const drawing = saga.graph && drawGraph(nodes.slice(0, saga.graph.nodes.length), width, seen);
  return card('Nodes', drawing || el('p', { class: 'soft' }, saga.graph ? 'The graph is too large to draw.' : 'The definition is in a format that only its executor can read.'));
}

function factsCard(saga) {
  const by = ({ actor, reason }) => `by ${plain(actor, 60)}: ${plain(reason, 1000)}`;
  const facts = [
    ['definition', `${plain(saga.summary.name, 100)}, version ${saga.version}`], ['created', clock(saga.summary.timeCreated)],
    ['owner', saga.summary.owner ? [saga.owner ? hostOf(saga.owner) : 'never joined', ' ', el('span', { class: 'id' }, saga.summary.owner)] : 'none'],
    ['generation', `${saga.summary.generation}, since ${clock(saga.timeAdopted)}`], ['held', saga.hold && by(saga.hold.note)],
    ['cancelled', saga.cancellation && `${clock(saga.cancellation.at)}, ${by(saga.cancellation.note)}`],
    ['tags', saga.tags?.length > 0 && saga.tags.map((tag) => plain(`${tag.name}=${tag.value}`, 120)).join(', ')],
    ['failure', saga.summary.errorCode && [saga.summary.failedNode, saga.summary.errorCode].filter(Boolean).map((part) => plain(part, 200)).join(': ')],
    ['deadline', saga.deadline && clock(saga.deadline)],
    ['abandoned', saga.abandonment && `${clock(saga.abandonment.time)}, ${plain(saga.abandonment.reason)}: ${plain(saga.abandonment.comment, 1000)}`],
    ['unreadable', saga.summary.unreadable && plain(saga.summary.unreadable, 1000)],
    ['definition hash', el('span', { class: 'id' }, saga.definitionHash)],
  ].filter(([, value]) => value);
  return card('Details', el('dl', {}, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]), el('dt', {}, 'parameters'), el('dd', {}, payload(saga.parameters, 'parameters'))));
}
