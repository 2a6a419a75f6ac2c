import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };

/** The second release comes too late. */
export const expectedErrors = /status of (401|409)/;

/** Hold and release with a reason; an action that comes too late shows the current state of the saga. */
export default async function ({ page, given: [saga], say, view }) {
  await view(`#/saga/${saga}`);
  await page.getByRole('button', { name: 'Hold …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
  assert.equal(await page.getByRole('dialog').isVisible(), true, 'a reason is required');
  await page.getByLabel('Reason').fill('a <b>look</b>');
  await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.locator('#verdict .badge', { hasText: 'held' }).waitFor();
  await page.locator('#facts', { hasText: 'by ann: a <b>look</b>' }).waitFor();
  await say('held');

  await page.getByRole('button', { name: 'Release …' }).click();
  await page.getByLabel('Reason').fill('seen enough');
  await say('about to release');
  await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
  await page.getByRole('alert').filter({ hasText: 'it is not held' }).filter({ hasText: 'Now: running, generation 1.' }).waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Hold …' }).click();
  await page.getByLabel('Reason').fill('again');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Release …' }).click();
  await page.getByLabel('Reason').fill('go on');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Hold …' }).waitFor();
  await page.locator('#notification', { hasText: 'release: done' }).waitFor();
}
