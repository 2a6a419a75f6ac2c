import { clock, plain, words } from './text.js';
import { ago, badge, card, el, show, table } from './dom.js';
import { get, reasonOf } from './service.js';
import { actionButton, actionHint } from './actions.js';
import { drawGraph, nodesBeingUndone, runningNodes, stuckNodes } from './graph.js';

const ended = ['Succeeded', 'Unwound', 'Abandoned', 'Unknown'];
const stateTones = { Running: 'busy', Unwinding: 'warn', Succeeded: 'good', Unwound: 'calm', Stuck: 'bad', Abandoned: 'bad', Unknown: 'bad' };
const stateSigns = { Running: '▶', Unwinding: '↺', Succeeded: '✓', Unwound: '↩', Stuck: '‼', Abandoned: '✗' };
const verdictTones = { RunningHere: 'busy', Starting: 'busy', WaitingForSlot: 'busy', WaitingForPreviousRun: 'warn', ToBeRecovered: 'busy', NotOwned: 'calm', HeldByPausedNode: 'warn', Stuck: 'bad', Abandoned: 'bad', Unreadable: 'bad', UnknownDefinition: 'bad', Fenced: 'bad', Unknown: 'bad' };

export function stateBadge(state) {
  return badge(stateTones[state] ?? 'calm', `${stateSigns[state] ?? ''} ${state.toLowerCase()}`);
}

/** The view of one saga: its verdict, graph, events and operator actions. */
export function sagaView(main, refresh, id) {
  const places = ['verdict', 'graph', 'events', 'facts'].map((name) => el('div', { id: name }));
  const [verdictAt, graphAt, eventsAt, factsAt] = places;
  main.replaceChildren(...places);
  return {
    title: `Saga ${id.slice(0, 8)}`,
    async load() {
      const path = `/sagas/${encodeURIComponent(id)}`;
      const [explained, found] = await Promise.all([get(`${path}/explain`), get(path)]);
      const saga = found.ok ? found.body : null;
      const verdict = explained.body?.verdict ? explained.body : null;
      const calm = verdict && { ...verdict, owner: null }; // the owner's silence changes with every request
      show(verdictAt, [calm, saga?.summary, saga?.hold, saga?.events.length, explained.status], () => verdictCard(id, verdict, explained, saga, refresh));
      show(graphAt, [saga?.graph, saga?.events], () => saga && graphCard(saga));
      centre(graphAt.querySelector('.graph'));
      show(eventsAt, saga?.events, () => saga && eventsCard(saga));
      show(factsAt, saga && { ...saga, owner: null }, () => saga && factsCard(saga));
    },
  };
}

function verdictCard(id, verdict, explained, saga, refresh) {
  if (!verdict) {
    return card('This saga', el('p', { class: 'answer bad' }, plain(reasonOf(explained), 400)));
  }
  const facts = [
    ['since', verdict.since && ago(verdict.since)], ['next try', verdict.nextTry && ago(verdict.nextTry)],
    ['failures in a row', verdict.failures || null], ['last event', verdict.lastEvent && plain(verdict.lastEvent)],
  ].filter(([, value]) => value);
  const tone = verdict.verdict === 'Finished' ? stateTones[saga?.summary.state] : verdictTones[verdict.verdict];
  return el('section', { class: 'card' },
    el('div', { class: 'row' }, el('h2', {}, saga ? plain(saga.summary.name, 100) : 'No such saga'), saga && stateBadge(saga.summary.state), saga?.summary.isHeld && badge('warn', 'held')),
    el('p', { class: 'id' }, plain(id, 100)),
    el('div', { class: `answer ${tone ?? 'warn'}`, id: 'why' },
      el('strong', {}, `${words(verdict.verdict)}${verdict.slots ? ` (${verdict.slots.running} of ${verdict.slots.limit} run)` : ''}`), `. ${plain(verdict.reason, 1000)}`, verdict.advice && el('p', {}, `→ ${plain(verdict.advice, 400)}`)),
    facts.length > 0 && el('dl', {}, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    verdict.run?.steps.length > 0 && stepsTable(verdict.run.steps),
    saga && actionButtons(saga, refresh));
}

/** The steps in progress in this process, with their attempts. */
function stepsTable(steps) {
  return table(steps, [
    ['step in progress', (step) => `${step.isUndo ? 'undo' : 'action'} of ${plain(step.node, 80)}`],
    ['attempt', (step) => step.attempt, 'number'],
    ['state', (step) => (step.attemptSince ? ['began ', ago(step.attemptSince)] : step.nextAttempt ? ['next attempt ', ago(step.nextAttempt)] : 'next attempt due')],
    ['last error', (step) => (step.lastError ? plain(step.lastError) : '')],
    ['since', (step) => ago(step.since)],
  ]);
}

function actionButtons(saga, refresh) {
  const button = (name, label, more) => actionButton(name, { label, saga: saga.summary, after: refresh, ...more });
  if (saga.summary.state === 'Stuck') {
    const stuck = saga.graph ? stuckNodes(saga.graph, saga.events) : [];
    return [
      el('div', { class: 'row' },
        button('retry-undo', 'Retry the undo'),
        stuck.length > 0 && button('skip-undo', 'Skip an undo', { nodes: stuck })),
      actionHint(),
    ];
  }
  if (ended.includes(saga.summary.state)) {
    return el('p', { class: 'soft small' }, saga.summary.state === 'Unknown' ? 'The state cannot be read. No operator action applies.' : 'The saga has ended. No operator action applies.');
  }
  const nodes = saga.graph ? runningNodes(saga.graph, saga.events) : [];
  const undos = saga.graph ? [...nodesBeingUndone(saga.graph, saga.events), ...stuckNodes(saga.graph, saga.events)] : [];
  return [
    el('div', { class: 'row' },
      saga.hold ? button('release', 'Release') : button('hold', 'Hold'),
      button('retry', 'Retry now'),
      nodes.length > 0 && button('inject-error', 'Inject an error', { nodes }),
      undos.length > 0 && button('skip-undo', 'Skip an undo', { nodes: undos }),
      saga.summary.state === 'Running' && !saga.cancellation && button('cancel', 'Cancel the saga'),
      button('abandon', 'Abandon')),
    actionHint(),
  ];
}

function graphCard(saga) {
  const drawing = saga.graph && drawGraph(saga.graph, saga.events);
  return card('Nodes', drawing
    ? el('div', { class: 'graph', tabindex: 0, role: 'region', 'aria-label': 'The graph of the saga', 'data-key': 'graph' }, drawing)
    : el('p', { class: 'soft' }, saga.graph ? 'The graph is too large to draw.' : 'The definition is in a format that only its executor can read.'));
}

/** Scrolls a graph that is wider than the page to its middle, where the roots are. */
function centre(graph) {
  if (graph && !graph.centred) {
    graph.centred = true;
    graph.scrollLeft = (graph.scrollWidth - graph.clientWidth) / 2;
  }
}

const typeTones = { Started: 'busy', Succeeded: 'good', Failed: 'bad', UndoStarted: 'warn', UndoFinished: 'calm', UndoFailed: 'bad' };

function eventsCard(saga) {
  if (saga.events.length === 0) {
    return card('Events', el('p', { class: 'soft' }, 'No events yet.'));
  }
  return card(`Events (${saga.events.length})`, table(saga.events.slice(-500), [
    ['time', (event) => el('span', { title: event.time }, `${clock(event.time).slice(0, -1)}.${event.time.slice(20, 23).replace(/\D.*/, '').padEnd(3, '0')}Z`), 'when'],
    ['node', (event) => plain(event.node, 80)],
    ['what', (event) => badge(typeTones[event.type], words(event.type))],
    ['data', (event) => event.data && payload(readable(event), `${event.nodeId}-${event.type}`)],
  ]), saga.events.length > 500 && el('p', { class: 'soft small' }, `The last 500 of ${saga.events.length}.`));
}

/** Formats an error of the durable executor as a sentence, and returns any other data unchanged. */
function readable(event) {
  if (event.type === 'Failed' || event.type === 'UndoFailed') {
    try {
      const { code, message } = JSON.parse(event.data);
      return code && message ? `${code}: ${message}` : event.data;
    } catch {
      return event.data; // truncated, or written by another executor
    }
  }
  return event.data;
}

/** Shows the beginning of a text, and the rest on demand. */
function payload(text, key) {
  return text.length <= 120 ? el('code', {}, plain(text)) : el('details', { 'data-key': `data-${key}` }, el('summary', {}, el('code', {}, plain(text, 100))), el('pre', {}, text));
}

function factsCard(saga) {
  const facts = [
    ['definition', `${plain(saga.summary.name, 100)}, version ${saga.version}`], ['created', clock(saga.summary.timeCreated)], ['owner', saga.summary.owner ?? 'none'],
    ['generation', `${saga.summary.generation}, since ${clock(saga.timeAdopted)}`], ['held', saga.hold && `by ${plain(saga.hold.note.actor, 60)}: ${plain(saga.hold.note.reason, 1000)}`],
    ['cancelled', saga.cancellation && `${clock(saga.cancellation.at)}, by ${plain(saga.cancellation.note.actor, 60)}: ${plain(saga.cancellation.note.reason, 1000)}`],
    ['tags', saga.tags?.length > 0 && saga.tags.map((tag) => plain(`${tag.name}=${tag.value}`, 120)).join(', ')],
    ['failure', saga.summary.errorCode && [saga.summary.failedNode, saga.summary.errorCode].filter(Boolean).map((part) => plain(part, 200)).join(': ')],
    ['deadline', saga.deadline && clock(saga.deadline)],
    ['abandoned', saga.abandonment && `${clock(saga.abandonment.time)}, ${plain(saga.abandonment.reason)}: ${plain(saga.abandonment.comment, 1000)}`],
    ['unreadable', saga.summary.unreadable && plain(saga.summary.unreadable, 1000)],
    ['definition hash', saga.definitionHash],
  ].filter(([, value]) => value);
  return card('Details', el('dl', {}, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]), el('dt', {}, 'parameters'), el('dd', {}, payload(saga.parameters, 'parameters'))));
}
