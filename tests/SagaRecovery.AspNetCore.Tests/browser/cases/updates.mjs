import assert from 'node:assert/strict';

/** The page reports that the service is unreachable, and then shows what its successor recovered. */
export default async function ({ page, given: [saga], say, tile }) {
  await tile('in progress').filter({ hasText: '1' }).waitFor();
  await page.evaluate(() => { window.sameDocument = true; });

  await say('connected');
  await page.locator('.banner', { hasText: 'The service cannot be reached since' }).waitFor();
  assert.equal(await page.locator('#connection').textContent(), 'lost');

  await say('lost');
  await page.locator('#recovered', { hasText: saga }).waitFor();
  await page.locator('#connection', { hasText: 'live' }).waitFor();
  await page.locator('.banner', { hasText: 'The previous process did not shut down' }).waitFor();
  assert.equal(await page.locator('.banner', { hasText: 'cannot be reached' }).count(), 0);
  await tile('recovered since start').filter({ hasText: '1' }).waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true);
}

export const expectedErrors = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;
