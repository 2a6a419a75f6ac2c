import assert from 'node:assert/strict';

/** Which definition is needed, which may be deleted, and which no process can run. It is counted once, and again on demand. */
export default async function ({ page, given: [coordinator], say, view }) {
  const row = (text) => page.locator('#definitions tbody tr', { hasText: text });
  await view('#/definitions');
  await row('demo v1').filter({ hasText: 'needed' }).waitFor();
  assert.equal(await page.title(), 'Definitions · saga recovery');
  assert.equal(await page.locator('nav a[aria-current]').textContent(), 'Definitions');

  await row('demo v1').locator('summary', { hasText: '1 process' }).click();
  await row('demo v1').filter({ hasText: coordinator }).waitFor();
  await row('demo-slow v1').filter({ hasText: 'registered, has no sagas' }).waitFor();
  await row('withdrawn v1').filter({ hasText: 'no process can run it and it has unfinished sagas' }).waitFor();
  await row('withdrawn v2').filter({ hasText: '1 (1 stuck)' }).filter({ hasText: 'needed if an undo is to be retried' }).waitFor();
  await row('disks v1').filter({ hasText: '7 shapes' }).filter({ hasText: 'no process' }).waitFor();
  assert.equal(await row('disks v1').locator('td').nth(2).textContent(), '7');
  assert.match(await row('withdrawn v1').locator('.id').getAttribute('title'), /^[0-9a-f]{64}$/);
  await say('seen');

  await page.getByRole('button', { name: 'Count again' }).click();
  await row('withdrawn v1').filter({ hasText: 'may be deleted' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Count again');
}
