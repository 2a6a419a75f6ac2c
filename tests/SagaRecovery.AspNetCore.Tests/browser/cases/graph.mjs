import assert from 'node:assert/strict';

/** A saga's nodes are drawn, each below its predecessors, without overlaps, with their states as signs and words. */
export default async function ({ page, given: [saga], view }) {
  await view(`#/saga/${saga}`);
  const nodes = page.locator('.graph g.node');
  await nodes.first().waitFor();
  const drawn = await nodes.evaluateAll((groups) => groups.map((group) => {
    const { x, y, width, height } = group.querySelector('rect').getBoundingClientRect();
    return { name: group.querySelector('text').textContent, state: group.querySelector('.state').textContent, x, y, width, height };
  }));

  assert.deepEqual(drawn.map((node) => node.name).sort(), ['firewall-rules', 'project', 'publish', 'route-v4', 'route-v6', 'router', 'subnet', 'vpc', '▾ network']);
  assert.ok(drawn.every((node) => node.state === '✓ succeeded'), JSON.stringify(drawn));
  const at = Object.fromEntries(drawn.map((node) => [node.name, node]));
  for (const [above, below] of [['project', '▾ network'], ['▾ network', 'vpc'], ['vpc', 'router'], ['router', 'route-v4'], ['route-v6', 'publish'], ['subnet', 'publish']]) {
    assert.ok(at[above].y + at[above].height < at[below].y, `${above} is above ${below}`);
  }
  for (const one of drawn) {
    for (const other of drawn.filter((node) => node !== one)) {
      const apart = one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
      assert.ok(apart, `${one.name} and ${other.name} do not overlap`);
    }
  }
  assert.equal(await page.locator('.graph path').count(), 11);

  // the nodes of the subsaga are inside its frame, and the others are outside
  const frame = await page.locator('.graph g.subsaga rect').evaluate((rect) => rect.getBoundingClientRect().toJSON());
  assert.match(await page.locator('.graph g.subsaga title').textContent(), /subsaga network: vpc-create version 1/);
  for (const node of drawn) {
    const inside = node.x >= frame.x && node.x + node.width <= frame.x + frame.width && node.y >= frame.y && node.y + node.height <= frame.y + frame.height;
    assert.equal(inside, node.name !== 'project' && node.name !== 'publish', `${node.name} is ${inside ? 'inside' : 'outside'}`);
  }
  assert.match(await page.locator('.graph svg').getAttribute('aria-label'), /project: succeeded; network: succeeded; network\/vpc: succeeded/);
}
