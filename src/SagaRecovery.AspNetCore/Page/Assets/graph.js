import { plain, short } from './text.js';
import { el, region, svg } from './dom.js';
import { layout } from './layout.js';
import { byState, urgentStates } from './nodes.js';

/** The largest graph that is drawn. A larger saga has only its tables. */
const mostNodes = 400;
const mostEdges = 2000;

/** The number of nodes that one line of the summary names. */
const mostNamed = 12;

/** The longest name of a node in the summary, in characters. The node that the user chooses is named in full. */
const longestName = 40;

/**
 * Draws the nodes of a graph from top to bottom, each below its parents, within a width. Above it are the nodes that an operator looks for, as
 * buttons that scroll the graph to them. The node that the user chooses, there or in the graph, is named in full. Returns null if the graph is too large.
 */
export function drawGraph(nodes, width, seen) {
  if (nodes.length > mostNodes || nodes.reduce((sum, node) => sum + node.after.length, 0) > mostEdges) {
    return null;
  }
  const drawn = layout(nodes, width);
  const chosenAt = el('p', { class: 'chosen-node small', 'aria-live': 'polite' });
  const choose = (node) => {
    seen.chosen = node.id;
    showChosen(view, chosenAt, node);
  };
  const inWords = nodes.map((node) => `${plain(node.name, 60)}: ${node.state.word}`).join('; ');
  const view = region('graph', 'The graph of the saga',
    svg('svg', { width: drawn.width + 8, height: drawn.height + 8, viewBox: `-4 -4 ${drawn.width + 8} ${drawn.height + 8}`, role: 'img', 'aria-label': `The saga's nodes. ${inWords.slice(0, 2000)}` },
      drawn.frames.map(frame),
      drawn.edges.map((path) => svg('path', { d: path })),
      nodes.map((node) => nodeBox(node, drawn, choose))));
  const chosen = nodes.find((node) => node.id === seen.chosen);
  if (chosen) {
    showChosen(view, chosenAt, chosen);
  }
  const find = (node) => { choose(node); bringIntoView(view, node); };
  return [summary(nodes, find), chosenAt, view, el('p', { class: 'soft small more' }, 'The graph continues: scroll in it, or choose a node above.')];
}

/** Scrolls a graph to where it was, or at first to its most urgent node. */
export function scrollGraph(place, nodes, seen) {
  const view = place.querySelector('.graph');
  if (view && view !== seen.view) {
    const urgent = urgentStates.flatMap((word) => nodes.filter((node) => node.state.word === word)).at(0);
    const box = !seen.view && urgent && boxOf(view, urgent);
    if (box) {
      centre(view, box);
    } else {
      view.scrollTo(seen.left ?? 0, seen.top ?? 0);
    }
    seen.view = view;
    view.addEventListener('scroll', () => { [seen.left, seen.top] = [view.scrollLeft, view.scrollTop]; });
  }
}

/** The number of nodes in each state. Nodes that have failed, are in flight or are next are named. */
function summary(nodes, choose) {
  const state = ([word, found]) => el('span', { class: `badge ${found[0].state.tone}` }, `${found[0].state.sign} ${found.length} ${word}`);
  const [named, others] = [true, false].map((urgent) => byState(nodes).filter(([word]) => urgentStates.includes(word) === urgent));
  return el('ul', { class: 'states' },
    named.map(([word, found]) => el('li', {}, state([word, found]),
      found.slice(0, mostNamed).map((node) => [' ', el('button', { type: 'button', class: 'link', title: plain(node.name), 'data-key': `node-${node.id}`, onclick: () => choose(node) }, short(node.name, longestName))]),
      found.length > mostNamed && ` and ${found.length - mostNamed} more`)),
    others.length > 0 && el('li', {}, others.map((one) => [state(one), ' '])));
}

function showChosen(view, place, node) {
  view.querySelectorAll('.chosen').forEach((box) => box.classList.remove('chosen'));
  boxOf(view, node).classList.add('chosen');
  place.replaceChildren(el('strong', {}, plain(node.name, 1000)), `: ${node.state.word}${node.undo ? '' : ', without an undo'}`);
}

const boxOf = (view, node) => view.querySelector(`[data-node="${node.id}"]`);

function bringIntoView(view, node) {
  centre(view, boxOf(view, node));
  if (view.getBoundingClientRect().bottom > innerHeight || view.getBoundingClientRect().top < 0) {
    view.scrollIntoView({ block: 'nearest' });
  }
}

function centre(view, box) {
  const [around, at] = [view.getBoundingClientRect(), box.getBoundingClientRect()];
  view.scrollBy(at.x + at.width / 2 - around.x - around.width / 2, at.y + at.height / 2 - around.y - around.height / 2);
}

/** A frame around the nodes of a subsaga. */
function frame({ node, prefix, x, y, width, height }) {
  return svg('g', { class: 'subsaga' },
    svg('title', {}, `subsaga ${plain(prefix.slice(0, -1), 200)}: ${plain(node.subsaga.name, 200)} version ${node.subsaga.version}`),
    svg('rect', { x, y, width, height, rx: 12 }));
}

function nodeBox(node, { places, frames, box }, choose) {
  const { x, y } = places[node.id];
  const around = frames.filter(({ prefix }) => node.name.startsWith(prefix)).map(({ prefix }) => prefix.length);
  const name = `${node.subsaga ? '▾ ' : ''}${node.name.slice(Math.max(0, ...around))}`;
  return svg('g', { class: `node ${node.state.tone} ${node.state.word}`, 'data-node': node.id, transform: `translate(${x - box.width / 2} ${y})`, onclick: () => choose(node) },
    svg('title', {}, `${plain(node.name, 200)}: ${node.state.word}${node.undo ? '; can be undone' : ''}`),
    svg('rect', { width: box.width, height: box.height, rx: 8 }),
    svg('text', { x: 10, y: 19 }, short(name, Math.floor(box.width / 8))),
    svg('text', { x: 10, y: 35, class: 'state' }, `${node.state.sign} ${node.state.word}`));
}
