import assert from 'node:assert/strict';

/** An unwinding saga says why and how far at its top; what failed and what is next is found at once; the newest event is first; wide levels wrap. */
export default async function ({ page, given: [saga], view }) {
  await view(`#/saga/${saga}`);
  await page.locator('#why', { hasText: /It unwinds: the action of 'disk-07' failed at \d{4}-[\d-]+T[\d:]+Z with quota: The quota of the project for disks \(30\) is exhausted\. Undone: 10 of 30 nodes\./ }).waitFor();
  await page.locator('#why', { hasText: '10 of 30 undone' }).waitFor();
  assert.equal(await page.locator('#why progress').getAttribute('value'), '10');
  assert.match(await page.locator('#why').innerText(), /^unwinding, not owned by this process\. [\s\S]*elsewhere-0/);
  assert.deepEqual(await page.locator('#verdict .badge').allTextContents(), ['↺ unwinding']);

  const events = await page.locator('#events tbody tr td:first-child').allTextContents();
  assert.deepEqual(events, events.toSorted().reverse(), 'the newest event is first');

  for (const width of [1180, 375]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction((widest) => document.querySelector('.graph svg').getBoundingClientRect().width < widest, width);
    const region = page.locator('.graph');
    const drawn = await boxes(page);
    assert.equal(drawn.length, 32);
    const sideways = await region.evaluate((graph) => graph.scrollWidth - graph.clientWidth);
    assert.ok(sideways <= 0, `at ${width} the graph is ${sideways} px too wide`);
    for (const one of drawn) {
      for (const other of drawn.filter((node) => node !== one)) {
        assert.ok(one.right <= other.x || other.right <= one.x || one.bottom <= other.y || other.bottom <= one.y, `at ${width}, ${one.name} and ${other.name} do not overlap`);
      }
    }
    const at = Object.fromEntries(drawn.map((node) => [node.name, node]));
    assert.ok(at.reserve.bottom < at['disk-01'].y && at['disk-30'].bottom < at.announce.y, 'each is below its parents');

    await page.locator('.states').getByRole('button', { name: 'disk-20', exact: true }).click();
    const [box, around] = await Promise.all(['.graph .chosen', '.graph'].map((place) => page.locator(place).boundingBox()));
    assert.ok(box.y >= around.y && box.y + box.height <= around.y + around.height, `at ${width} the chosen node is seen`);
  }
  const states = await page.locator('.states .badge').allTextContents();
  assert.deepEqual(states, ['✗ 1 failed', '↺ 2 undoing', '→ 17 undo next', '✓ 1 succeeded', '↩ 10 undone', '· 1 waiting']);
  assert.match(await page.locator('.graph + .more').innerText(), /The graph continues/, 'on a phone it is higher than its region');

  const rows = page.locator('#course tbody tr');
  assert.equal(await rows.count(), 31);
  assert.match(await rows.filter({ hasText: 'disk-07' }).innerText(), /failed[\s\S]*22 s/);
  assert.equal(await rows.filter({ hasText: 'disk-30' }).locator('.lane i').count(), 2, 'a bar for the action, one for the undo');
}

function boxes(page) {
  return page.locator('.graph g.node').evaluateAll((groups) => groups.map((group) => {
    const { x, y, right, bottom } = group.querySelector('rect').getBoundingClientRect();
    return { name: group.querySelector('text').textContent, x, y, right, bottom };
  }));
}
