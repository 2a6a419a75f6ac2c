import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };

/** The browser asks for credentials at the first action. */
export const expectedErrors = /status of 401/;

/** What waits for an operator is first on the overview, from the store; zeros are quiet; a saga that no process runs is not called running. */
export default async function ({ page, given: [stuck, abandoned, held, unowned, down, cancelled, ...two], view, tile }) {
  const problem = (id) => page.locator('#attention tr', { hasText: id });
  await problem(stuck).filter({ hasText: "The undo of 'charge card' failed with closed: it is partly undone." }).waitFor();
  await problem(abandoned).filter({ hasText: 'abandoned' }).waitFor();
  const [attention, tiles] = await Promise.all(['#attention', '#tiles'].map((place) => page.locator(place).boundingBox()));
  assert.ok(attention.y < tiles.y);
  await tile('stuck').filter({ hasText: /^1$/ }).waitFor();
  assert.equal(await page.locator('.tile').first().locator('span').textContent(), 'stuck');
  assert.ok(await page.locator('.tile:not(.zero) b').evaluateAll((numbers) => numbers.every((number) => number.textContent !== '0')), 'no zero has a tile');
  assert.equal(await page.locator('.tile.zero', { hasText: 'steps hanging' }).count(), 1);

  await view('#/sagas');
  const badges = (id) => page.locator('#list tr', { hasText: id }).locator('.badge').allTextContents();
  await page.locator('#list td').first().waitFor();
  for (const [id, shown] of [[held, ['held']], [unowned, ['unowned']], [down, ['owner is down']], [cancelled, ['↺ unwinding']], [stuck, ['‼ stuck']]]) {
    assert.deepEqual(await badges(id), shown, id);
  }
  const [running, queued] = ['▶ running', 'waiting for slot'].map((text) => page.locator('#list tr', { hasText: /demo v1/ }).filter({ has: page.locator('.badge', { hasText: text }) }));
  await Promise.all([running.waitFor(), queued.waitFor()]); // this process has one slot, and two sagas
  const waits = await queued.locator('a').textContent();
  assert.ok(two.includes(waits));
  await page.locator('.banner', { hasText: 'Needs attention: 1 stuck, 1 abandoned, ' }).getByRole('link', { name: 'Overview' }).click();
  await page.locator('#attention', { hasText: stuck }).waitFor();

  for (const [id, shown] of [[held, ['held']], [unowned, ['unowned']], [down, ['owner is down']], [waits, ['waiting for slot']]]) {
    await view(`#/saga/${id}`);
    await page.locator('#verdict .id', { hasText: id }).waitFor();
    const states = await page.locator('#verdict .badge').allTextContents();
    assert.ok(states.includes(shown[0]) && !states.some((state) => state.includes('running')), `${id}: ${states}`);
  }
  await view(`#/saga/${cancelled}`);
  await page.locator('#why', { hasText: /It unwinds: it was cancelled at [\d-]+T[\d:]+Z \(ann: the customer withdrew the order\)\./ }).waitFor();

  await view(`#/saga/${abandoned}`);
  await page.locator('.states', { hasText: '◌ 1 interrupted' }).waitFor();
  assert.equal(await page.getByText('▶ running').count(), 0, 'no process runs an abandoned saga');
  assert.match(await page.locator('#course').innerText(), /charge card\s+◌ interrupted[\s\S]*did not end/);

  await view('#/');
  await problem(stuck).getByRole('button', { name: 'Acknowledge …' }).click();
  await page.getByLabel('Reason, for other operators').fill('ticket 17');
  await page.locator('#action-dialog').getByRole('button', { name: 'Acknowledge' }).click();
  await problem(stuck).filter({ hasText: /Acknowledged .* by ann: ticket 17/ }).waitFor();
  assert.equal(await problem(stuck).getByRole('button').count(), 0);
  await view('#/plan');
  await page.locator('.banner', { hasText: 'Needs attention: 1 abandoned, ' }).waitFor(); // what an operator knows is no news
}
