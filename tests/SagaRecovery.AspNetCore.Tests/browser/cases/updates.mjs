import assert from 'node:assert/strict';

/** The page says that the service is gone, and by itself shows what its successor recovered. */
export default async function ({ page, given: [saga], say, tile }) {
  await tile('in progress').filter({ hasText: '1' }).waitFor();
  await page.evaluate(() => { window.sameDocument = true; });

  await say('looking');
  await page.locator('.banner', { hasText: 'The service cannot be reached since' }).waitFor();
  assert.equal(await page.locator('#pulse').textContent(), 'lost');

  await say('lost');
  await page.locator('#recovered', { hasText: saga }).waitFor();
  await page.locator('#pulse', { hasText: 'live' }).waitFor();
  await page.locator('.banner', { hasText: 'The process before this one crashed' }).waitFor();
  assert.equal(await page.locator('.banner', { hasText: 'cannot be reached' }).count(), 0);
  await tile('recovered since start').filter({ hasText: '1' }).waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true);
}

export const expectedErrors = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;
