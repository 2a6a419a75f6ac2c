import assert from 'node:assert/strict';

/** The graph of 100 nodes begins at those that run, and subsagas inside subsagas have frames that contain their nodes and no others. */
export default async function ({ page, given: [long, nested], view }) {
  await view(`#/saga/${long}`);
  await page.locator('.graph g.node').nth(99).waitFor();
  const [box, around] = await Promise.all(['.graph g.running >> nth=0', '.graph'].map((place) => page.locator(place).boundingBox()));
  assert.ok(box.y >= around.y && box.y + box.height <= around.y + around.height, 'what runs is seen without scrolling');
  assert.deepEqual(await page.locator('.states .badge').allTextContents(), ['▶ 3 running', '→ 5 next', '✓ 61 succeeded', '· 31 waiting']);
  await page.locator('.graph').evaluate((graph) => graph.scrollTo(0, 77));
  await page.setViewportSize({ width: 1100, height: 900 });
  await page.waitForFunction(() => document.querySelector('.graph svg').getBoundingClientRect().width < 1050);
  await page.waitForFunction(() => document.querySelector('.graph').scrollTop === 77, 'a graph that is drawn again stays where it was');

  for (const width of [1180, 375]) {
    await page.setViewportSize({ width, height: 900 });
    await view('#/');
    await page.locator('.tile').first().waitFor();
    await view(`#/saga/${nested}`);
    await page.locator('.graph g.node').first().waitFor();
    const { nodes, frames, sideways } = await page.locator('.graph').evaluate((graph) => ({
      nodes: [...graph.querySelectorAll('g.node')].map((group) => ({ name: group.querySelector('title').textContent.split(':')[0], ...group.querySelector('rect').getBoundingClientRect().toJSON() })),
      frames: [...graph.querySelectorAll('g.subsaga')].map((group) => ({ name: /subsaga ([^:]+):/.exec(group.textContent)[1], ...group.querySelector('rect').getBoundingClientRect().toJSON() })),
      sideways: graph.scrollWidth - graph.clientWidth,
    }));
    assert.equal(frames.length, 6);
    assert.ok(sideways <= 0, `at ${width} the graph is ${sideways} px too wide`);
    for (const frame of frames) {
      for (const node of nodes) {
        const inside = node.left >= frame.left && node.right <= frame.right && node.top >= frame.top && node.bottom <= frame.bottom;
        const outside = node.right <= frame.left || node.left >= frame.right || node.bottom <= frame.top || node.top >= frame.bottom;
        const belongs = node.name === frame.name || node.name.startsWith(`${frame.name}/`);
        assert.ok(belongs ? inside : outside, `at ${width}, ${node.name} is ${belongs ? 'inside' : 'outside'} the frame of ${frame.name}`);
      }
    }
  }
}
