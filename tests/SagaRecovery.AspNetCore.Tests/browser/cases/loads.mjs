import assert from 'node:assert/strict';

/** Every view loads without an error, and shows the running saga. */
export default async function ({ page, given: [saga], view, tile }) {
  await tile('in progress').filter({ hasText: /^[1-9]/ }).waitFor();
  await page.locator('#connection', { hasText: 'live' }).waitFor();
  await page.locator('#coordinators', { hasText: '✓ alive' }).waitFor();
  await page.locator('.bars span').first().waitFor();

  await view('#/sagas?state=running');
  await page.locator('#list a', { hasText: saga }).click();
  await page.locator('#why', { hasText: 'running here' }).waitFor();
  await page.locator('#events', { hasText: 'wait-for-release' }).waitFor();

  await view('#/plan');
  await page.locator('#plan', { hasText: 'No saga was resumed' }).waitFor();
  assert.equal(await page.title(), 'Dry run · saga recovery');

  await view('#/saga/not-an-id');
  await page.locator('#verdict', { hasText: 'UUID' }).waitFor();
}

/** The last view requests an invalid saga. */
export const expectedErrors = /status of 400/;
