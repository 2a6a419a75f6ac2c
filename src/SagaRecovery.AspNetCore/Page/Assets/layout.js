/** The space between two boxes in a row, between two layers, between two rows of a layer, and inside a frame, in px. */
const space = { across: 20, down: 34, rows: 14, frame: 9 };

/** The size of a box in a graph of this width: two boxes fit beside each other on a phone. */
function boxFor(available) {
  return { width: available < 440 ? 130 : 176, height: 44 };
}

/**
 * Places the nodes of a graph below their parents, in layers by the longest path from a root. A layer that is wider than the page has several
 * rows. A subsaga is one item among its neighbours, with a layout of its own inside. An edge that skips layers gets a place in each of them, so that
 * it does not cross their items.
 */
export function layout(nodes, available) {
  const box = boxFor(available);
  const whole = contentsOf(nodes);
  arrange(whole, nodes, available, box);
  const places = [];
  const frames = [];
  const detours = new Map();
  settle(whole, 0, 0, { places, frames, detours });
  const edges = nodes.flatMap((node) => node.after.map((parent) => route(parent, node.id, whole, { places, detours, box })));
  return { places, frames, edges, box, width: whole.width, height: whole.height };
}

/** Returns the nodes as items: single nodes, and groups for subsagas. The names of the nodes of a subsaga begin with its name and a slash. */
function contentsOf(nodes) {
  const whole = { items: [], ids: new Set(nodes.map((node) => node.id)) };
  const groups = nodes.filter((node) => node.subsaga).map((node) => ({ group: node, prefix: `${node.name}/`, items: [], ids: new Set() }));
  for (const node of nodes) {
    const around = groups.filter(({ group, prefix }) => group === node || node.name.startsWith(prefix)).sort((one, other) => one.prefix.length - other.prefix.length);
    let inside = whole;
    for (const group of around) {
      if (!inside.items.includes(group)) {
        inside.items.push(group);
      }
      group.ids.add(node.id);
      inside = group;
    }
    inside.items.push({ node, ids: new Set([node.id]) });
  }
  return whole;
}

/** Computes the size of a group, and the places of its items relative to its corner. */
function arrange(group, nodes, available, box) {
  const { items } = group;
  const itemOf = (id) => items.find((item) => item.ids.has(id));
  for (const item of items) {
    if (item.items) {
      arrange(item, nodes, available - 2 * space.frame, box);
      item.width += 2 * space.frame;
      item.height += 2 * space.frame;
    } else {
      Object.assign(item, box);
    }
    item.parents = [...new Set([...item.ids].flatMap((id) => nodes[id].after).filter((id) => group.ids.has(id) && !item.ids.has(id)).map(itemOf))];
  }

  // Edges lead to higher ids, so the parents of an item precede it, unless the groups of a strange graph depend on each other.
  for (const item of items) {
    item.layer = Math.max(-1, ...item.parents.map((parent) => parent.layer ?? -1)) + 1;
  }
  const layers = [];
  const put = (item) => { (layers[item.layer] ??= []).push(item); return item; };
  items.forEach(put);
  group.passes = new Map();
  for (const item of items) {
    item.from = item.parents.map((parent) => {
      const way = [];
      for (let layer = parent.layer + 1; layer < item.layer; layer++) {
        way.push(put({ layer, width: 0, height: 0, from: [way.at(-1) ?? parent], isPass: true }));
      }
      group.passes.set(`${items.indexOf(parent)}-${items.indexOf(item)}`, way);
      return way.at(-1) ?? parent;
    });
  }

  const rows = layers.map((layer) => rowsOf(layer, available));
  group.width = Math.max(...rows.map(({ width }) => width));
  let y = 0;
  rows.forEach((layer, index) => {
    y = place(layer, layers[index], group.width, y) + space.down;
  });
  group.height = y - space.down;
}

const spanOf = (items) => items.reduce((sum, item) => sum + item.width + space.across, -space.across);

/** Breaks a layer into rows that fit the page. Edges that pass a layer of several rows have their places at its right. */
function rowsOf(layer, available) {
  const passing = layer.filter((item) => item.isPass);
  if (spanOf(layer) <= available) {
    return { width: spanOf(layer), passing };
  }
  const beside = (passing.length + 1) * space.across; // the passes, and half a gap at each end for the edges of the outer items
  const width = available - beside;
  const rows = [[]];
  for (const item of layer.filter((one) => !one.isPass)) {
    if (rows.at(-1).length > 0 && spanOf([...rows.at(-1), item]) > width) {
      rows.push([]);
    }
    rows.at(-1).push(item);
  }
  return { width: Math.max(...rows.map(spanOf)) + beside, passing, rows };
}

/** Gives the items of a layer their places. Returns its lower edge. */
function place({ width, passing, rows }, layer, whole, top) {
  const left = (whole - width) / 2;
  if (!rows) {
    const middle = (item) => (item.from.length ? item.from.reduce((sum, parent) => sum + parent.x + parent.width / 2, 0) / item.from.length : 0);
    layer.sort((one, other) => middle(one) - middle(other));
    let x = left;
    layer.forEach((item) => { Object.assign(item, { x, y: top }); x += item.width + space.across; });
    const bottom = top + Math.max(...layer.map((item) => item.height));
    passing.forEach((item) => { item.height = bottom - top; });
    return bottom;
  }
  let y = top;
  rows.forEach((row, index) => {
    let x = left + space.across / 2;
    row.forEach((item) => {
      Object.assign(item, { x, y, enters: index > 0, leaves: index < rows.length - 1, above: top });
      x += item.width + space.across;
    });
    y += Math.max(...row.map((item) => item.height)) + space.rows;
  });
  const bottom = y - space.rows;
  rows.flat().forEach((item) => { item.below = bottom; });
  passing.forEach((item, index) => Object.assign(item, { x: left + width - (index + 0.5) * space.across, y: top, height: bottom - top }));
  return bottom;
}

/** Computes the places of all nodes, frames and passes from the corner of the graph. */
function settle(group, x, y, found) {
  for (const way of group.passes.values()) {
    way.forEach((pass) => Object.assign(pass, { x: pass.x + x, top: pass.y + y, bottom: pass.y + y + pass.height }));
  }
  for (const item of group.items) {
    const corner = { x: item.x + x, y: item.y + y };
    if (item.enters || item.leaves) {
      const detour = { ...item, left: corner.x, right: corner.x + item.width, above: item.above + y, below: item.below + y };
      item.ids.forEach((id) => found.detours.set(id, [...found.detours.get(id) ?? [], detour]));
    }
    if (item.items) {
      found.frames.push({ node: item.group, prefix: item.prefix, ...corner, width: item.width, height: item.height });
      settle(item, corner.x + space.frame, corner.y + space.frame, found);
    } else {
      found.places[item.node.id] = { x: corner.x + item.width / 2, y: corner.y };
    }
  }
}

/**
 * Returns the path of an edge. It leads through the gap beside an item that is not in the first row (above it) or in the last row (below it) of its
 * layer.
 */
function route(from, to, whole, { places, detours, box: { height } }) {
  const [start, end] = [places[from], places[to]];
  const detourOf = (id, other) => detours.get(id)?.find((one) => !one.ids.has(other)); // the outermost one that does not contain both
  const out = detourOf(from, to)?.leaves ? detourOf(from, to) : null;
  const into = detourOf(to, from)?.enters ? detourOf(to, from) : null;
  const steps = passesBetween(from, to, whole).map((pass) => ({ x: pass.x, top: pass.top, bottom: pass.bottom }));
  let path;
  if (out) {
    const x = out.right + space.across / 2;
    path = `M${start.x} ${start.y + height / 2}H${x}V${out.below}`;
    steps.unshift({ x, bottom: out.below });
  } else {
    path = `M${start.x} ${start.y + height}`;
    steps.unshift({ x: start.x, bottom: start.y + height });
  }
  steps.push(into ? { x: into.left - space.across / 2, top: into.above } : { x: end.x, top: end.y });
  for (let i = 1; i < steps.length; i++) {
    const [last, step] = [steps[i - 1], steps[i]];
    const half = (step.top - last.bottom) / 2;
    path += `C${last.x} ${last.bottom + half} ${step.x} ${step.top - half} ${step.x} ${step.top}${step.bottom ? `V${step.bottom}` : ''}`;
  }
  return into ? `${path}V${end.y + height / 2}H${end.x}` : path;
}

/** Returns the places that an edge between two items of one group has in the layers between them. */
function passesBetween(from, to, group) {
  const [one, other] = [from, to].map((id) => group.items.findIndex((item) => item.ids.has(id)));
  return one === other ? passesBetween(from, to, group.items[one]) : group.passes.get(`${one}-${other}`) ?? [];
}
