/** The states of a node by event type, in order. The last type that a node has determines its state. */
const states = [
  ['Started', 'running', 'busy', '▶'], ['Succeeded', 'succeeded', 'good', '✓'], ['Failed', 'failed', 'bad', '✗'],
  ['UndoStarted', 'undoing', 'warn', '↺'], ['UndoFinished', 'undone', 'calm', '↩'], ['UndoFailed', 'undo failed', 'bad', '‼'],
];
/** The states of a node in whose action or undo the process was when it stopped running the saga. */
const interrupted = { Started: ['interrupted', 'warn', '◌'], UndoStarted: ['undo interrupted', 'warn', '◌'] };
const waiting = { word: 'waiting', tone: 'calm', sign: '·' };
const next = { word: 'next', tone: 'busy', sign: '→' };
const undoNext = { word: 'undo next', tone: 'warn', sign: '→' };

/** The words of the states that an operator looks for first, most urgent first. */
export const urgentStates = ['undo failed', 'failed', 'undo interrupted', 'interrupted', 'undoing', 'running', 'undo next', 'next'];

/**
 * The nodes of a saga with their state, and with the times of their events by type. A node is next if it begins once those in flight have ended:
 * its action while the saga runs, its undo while the saga unwinds. If no process runs the saga, none of its nodes is called running.
 */
export function nodesOf(saga, mayRun) {
  const nodes = (saga.graph?.nodes ?? []).map((node) => ({ ...node, events: {}, before: [] }));
  for (const event of saga.events) {
    nodes[event.nodeId] ??= { id: event.nodeId, name: event.node, after: [], events: {}, before: [] };
    nodes[event.nodeId].events[event.type] = event;
  }
  const present = nodes.filter(Boolean);
  present.forEach((node) => {
    const [type, ...state] = states.findLast(([one]) => node.events[one]) ?? [];
    const [word, tone, sign] = (!mayRun && interrupted[type]) || state;
    node.state = word ? { word, tone, sign } : waiting;
    node.after.forEach((parent) => nodes[parent]?.before.push(node));
  });
  const inOneOf = (list, words) => list.every((node) => words.includes(node.state.word));
  if (saga.summary.state === 'Running') {
    const ready = present.filter((node) => node.state === waiting && inOneOf(node.after.map((parent) => nodes[parent]), ['succeeded', 'running', 'interrupted']));
    ready.forEach((node) => { node.state = next; });
  } else if (saga.summary.state === 'Unwinding') {
    const ready = present.filter((node) => node.state.word === 'succeeded' && inOneOf(node.before, ['waiting', 'running', 'interrupted', 'failed', 'undoing', 'undo interrupted', 'undone']));
    ready.forEach((node) => { node.state = undoNext; });
  }
  return present;
}

/** Returns the names of the nodes whose action has begun and not ended. */
export function begunNodes(nodes) {
  return namesOf(nodes, ['running', 'interrupted']);
}

/** Returns the names of the nodes whose undo an operator may skip: it has failed, or has begun and not ended. */
export function undosToSkip(nodes) {
  return namesOf(nodes, ['undo failed', 'undoing', 'undo interrupted']);
}

function namesOf(nodes, words) {
  return nodes.filter((node) => words.includes(node.state.word)).map((node) => node.name);
}

/** Returns the number of nodes in each state, urgent ones first, as [state, nodes]. */
export function byState(nodes) {
  const order = [...urgentStates, 'succeeded', 'undone', 'waiting'];
  return [...Map.groupBy(nodes, (node) => node.state.word)].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
}
