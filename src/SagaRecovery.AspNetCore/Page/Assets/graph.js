import { plain } from './text.js';
import { svg } from './dom.js';

/** The largest graph that is drawn. A larger saga shows only its events. */
const mostNodes = 400;

const box = { width: 176, height: 44, across: 20, down: 34 }; // a frame around a subsaga takes 5 of the gaps

/** The states of a node by event type, in order. The last type that a node has determines its state. */
const states = [
  ['Started', 'running', 'busy', '▶'], ['Succeeded', 'succeeded', 'good', '✓'], ['Failed', 'failed', 'bad', '✗'],
  ['UndoStarted', 'undoing', 'warn', '↺'], ['UndoFinished', 'undone', 'calm', '↩'], ['UndoFailed', 'undo failed', 'bad', '‼'],
];

export function stateOf(node, events) {
  const seen = new Set(events.filter((event) => event.nodeId === node.id).map((event) => event.type));
  const [, word, tone, sign] = states.findLast(([type]) => seen.has(type)) ?? [null, 'waiting', 'calm', '·'];
  return { word, tone, sign };
}

/** Returns the names of the nodes whose action is in flight. */
export function runningNodes(graph, events) {
  return nodesThatAre('running', graph, events);
}

/** Returns the names of the nodes whose undo is in flight. */
export function nodesBeingUndone(graph, events) {
  return nodesThatAre('undoing', graph, events);
}

/** Returns the names of the nodes whose undo has failed. */
export function stuckNodes(graph, events) {
  return nodesThatAre('undo failed', graph, events);
}

function nodesThatAre(word, graph, events) {
  return graph.nodes.filter((node) => stateOf(node, events).word === word).map((node) => node.name);
}

/** Draws a graph from top to bottom, each node below its parents. Returns null if the graph is too large. */
export function drawGraph(graph, events) {
  if (graph.nodes.length > mostNodes) {
    return null;
  }
  const { places, edges, width, height } = layout(graph.nodes);
  const inWords = graph.nodes.map((node) => `${plain(node.name, 60)}: ${stateOf(node, events).word}`).join('; ');
  const groups = subsagasOf(graph.nodes);
  return svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `The saga's nodes. ${inWords.slice(0, 2000)}` },
    groups.map((group) => frame(group, places)),
    edges.map((points) => svg('path', { d: curve(points) })),
    graph.nodes.map((node) => nodeBox(node, groups, places[node.id], stateOf(node, events))));
}

/** The subsagas, outermost first, each with its nodes. The names of their nodes begin with the name of the subsaga and a slash. */
function subsagasOf(nodes) {
  return nodes.filter((node) => node.subsaga).map((node) => {
    const prefix = `${node.name}/`;
    return { ...node.subsaga, prefix, nodes: [node, ...nodes.filter((other) => other.name.startsWith(prefix))] };
  });
}

/** A frame around the nodes of a subsaga. */
function frame(group, places) {
  const [xs, ys] = [group.nodes.map((node) => places[node.id].x), group.nodes.map((node) => places[node.id].y)];
  const [left, top] = [Math.min(...xs) - box.width / 2 - 5, Math.min(...ys) - 5];
  const [right, bottom] = [Math.max(...xs) + box.width / 2 + 5, Math.max(...ys) + box.height + 5];
  return svg('g', { class: 'subsaga' },
    svg('title', {}, `subsaga ${plain(group.prefix.slice(0, -1), 200)}: ${plain(group.name, 200)} version ${group.version}`),
    svg('rect', { x: left, y: top, width: right - left, height: bottom - top, rx: 12 }));
}

function nodeBox(node, groups, { x, y }, state) {
  const within = groups.findLast((group) => node.name.startsWith(group.prefix))?.prefix ?? '';
  const sign = node.subsaga ? '▾ ' : '';
  return svg('g', { class: `node ${state.tone} ${state.word}`, transform: `translate(${x - box.width / 2} ${y})` },
    svg('title', {}, `${plain(node.name, 200)}: ${state.word}${node.undo ? '; can be undone' : ''}`),
    svg('rect', { width: box.width, height: box.height, rx: 8 }),
    svg('text', { x: 10, y: 19 }, `${sign}${plain(node.name.slice(within.length), 22)}`),
    svg('text', { x: 10, y: 35, class: 'state' }, `${state.sign} ${state.word}`));
}

/**
 * Assigns each node to a layer by its longest path from a root. An edge that skips layers gets a place in each of them, so that it does not
 * cross nodes. Within a layer, places are ordered by the position of their parents.
 */
function layout(nodes) {
  const depth = [];
  const layers = [];
  const put = (place) => { (layers[place.layer] ??= []).push(place); return place; };
  const places = nodes.map((node) => {
    depth[node.id] = Math.max(-1, ...node.after.map((parent) => depth[parent])) + 1;
    return put({ layer: depth[node.id], parents: [] });
  });
  const edges = nodes.flatMap((node) => node.after.map((parent) => {
    const way = [places[parent]];
    for (let layer = depth[parent] + 1; layer < depth[node.id]; layer++) {
      way.push(put({ layer, parents: [way.at(-1)], passes: true }));
    }
    places[node.id].parents.push(way.at(-1));
    return [...way, places[node.id]];
  }));

  const span = (layer) => layer.reduce((sum, place) => sum + (place.passes ? box.across : box.width + box.across), 0);
  const width = Math.max(...layers.map(span)) + box.across;
  layers.forEach((layer, index) => {
    const middle = (place) => (place.parents.length ? place.parents.reduce((sum, parent) => sum + parent.x, 0) / place.parents.length : 0);
    layer.sort((one, other) => middle(one) - middle(other));
    let x = (width - span(layer)) / 2;
    for (const place of layer) {
      const wide = place.passes ? box.across : box.width + box.across;
      place.x = x + wide / 2;
      place.y = index * (box.height + box.down) + 4;
      x += wide;
    }
  });
  return { places, edges, width, height: layers.length * (box.height + box.down) - box.down + 8 };
}

/** Returns a path from the lower edge of each place to the upper edge of the next. */
function curve(points) {
  return points.slice(1).map((to, index) => {
    const from = points[index];
    const top = from.y + box.height;
    const half = (to.y - top) / 2;
    const start = index === 0 ? `M${from.x} ${top}` : `L${from.x} ${top}`;
    return `${start}C${from.x} ${top + half} ${to.x} ${to.y - half} ${to.x} ${to.y}`;
  }).join('');
}
