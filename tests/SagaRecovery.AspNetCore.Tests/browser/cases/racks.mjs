import assert from 'node:assert/strict';
import axe from 'axe-core';
import { violations } from './accessibility.mjs';

/** The steps of 60 parallel nodes, as a process that runs them tells; the fortieth fails and is retried. */
function steps() {
  return Array.from({ length: 60 }, (_, index) => ({
    node: nameOf(index + 1), isUndo: false, attempt: index === 39 ? 3 : 1, since: new Date(Date.now() - 60_000).toISOString(),
    attemptSince: index === 39 ? null : new Date().toISOString(), lastError: index === 39 ? 'busy: try again' : null,
    nextAttempt: index === 39 ? new Date(Date.now() + 3_600_000).toISOString() : null, isRetrying: index === 39,
  }));
}

const nameOf = (number) => `attach-network-interface-of-the-virtual-machine-in-rack-${String(number).padStart(2, '0')}`;

/** A wide saga that runs: the actions first, its steps folded, names that can be read, and a timeline up to now. An action is offered where it does something. */
export default async function ({ page, given: [saga], view }) {
  let verdict = 'RunningHere';
  await page.route(`**/sagas/${saga}/explain`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    await route.fulfill({ response, json: { ...body, verdict, run: verdict === 'RunningHere' ? { ...body.run, phase: 'Running', steps: all } : null } });
  });
  const all = steps();
  await view(`#/saga/${saga}`);
  await page.locator('#steps', { hasText: 'Steps in progress in this process (60)' }).waitFor();
  const [actions, table] = await Promise.all([page.getByRole('button', { name: 'Abandon …' }), page.locator('#steps table').first()].map((place) => place.boundingBox()));
  assert.ok(actions.y < table.y, 'the actions come first');
  assert.match(await page.locator('#steps tbody tr').first().innerText(), /rack-40[\s\S]*next attempt in/);
  assert.equal(await page.locator('#steps tbody tr:visible').count(), 8);
  await page.getByText('52 more steps').click();
  assert.equal(await page.locator('#steps tbody tr:visible').count(), 60);

  const labels = await page.locator('.graph g.node text:not(.state)').allTextContents();
  assert.equal(new Set(labels).size, 61, 'no two boxes look the same');
  await page.locator('.graph g.node').filter({ hasText: 'rack-17' }).click();
  assert.equal(await page.locator('.chosen-node strong').textContent(), nameOf(17));
  await page.locator('.states').getByRole('button', { name: 'rack-03' }).press('Enter');
  assert.equal(await page.locator('.chosen-node').textContent(), `${nameOf(3)}: running`);
  await page.locator('#course tr', { hasText: nameOf(60) }).waitFor();

  assert.match(await page.locator('#course').innerText(), /Z to now, \d+ (min|h): it runs\./);
  const lane = page.locator('#course tr', { hasText: nameOf(7) }).locator('.lane');
  const [around, bar] = await Promise.all([lane.boundingBox(), lane.locator('i.open.busy').boundingBox()]);
  assert.ok(bar.width > 0.9 * around.width && bar.x + bar.width > around.x + around.width - 2, 'what runs reaches from its start, nine minutes ago, to now');

  await page.waitForFunction(() => {
    const { width } = document.querySelector('#course .lane i:not(.open)').style;
    window.first ??= parseFloat(width);
    return parseFloat(width) < window.first; // what has ended becomes a smaller part of the whole
  });

  for (const [width, colorScheme] of [[1180, 'light'], [390, 'dark']]) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction((widest) => document.querySelector('.graph svg').getBoundingClientRect().width < widest, width);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width}`);
    await page.evaluate(axe.source);
    assert.deepEqual(await violations(page, `${width}`), []);
  }

  const retry = page.getByRole('button', { name: 'Retry now …' });
  assert.equal(await retry.count(), 0, 'it runs');
  verdict = 'BackingOff';
  await retry.waitFor();
  assert.equal(await page.getByText('▶ running').count(), 0, 'no process runs it');
  await page.locator('.states', { hasText: '◌ 60 interrupted' }).waitFor();
}
