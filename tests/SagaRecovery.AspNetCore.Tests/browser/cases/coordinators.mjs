import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };
export const expectedErrors = /status of 401/;

/** The coordinators, sagas without a live owner, and the actions that move sagas. Taking from a live owner needs a confirmation. */
export default async function ({ page, given: [dead, stranger, other], say, tile }) {
  const row = (id) => page.locator('#coordinators tr', { hasText: id });
  const dialog = page.getByRole('dialog');
  const reassign = (place) => place.getByRole('button', { name: 'Reassign …' });
  const although = dialog.getByLabel('even though it is alive');

  await page.locator('.banner.bad', { hasText: '2 orphans, unfinished and without a known owner' }).waitFor();
  await page.locator('.banner.bad', { hasText: '1 unfinished saga whose owner is down' }).waitFor();
  await tile('orphans').filter({ hasText: /^2$/ }).waitFor();
  await row(dead).filter({ hasText: '✗ silent' }).filter({ hasText: 'any definition' }).waitFor();
  await row(other).filter({ hasText: '✓ alive' }).filter({ hasText: '4 definitions' }).waitFor();
  await say('seen');

  await reassign(row(dead)).click();
  assert.equal(await although.count(), 0, 'it is silent');
  await dialog.getByLabel('Reason').fill('its node burnt');
  await page.keyboard.press('Enter');
  await page.locator('#notification', { hasText: `reassign: done, 1 saga of coordinator ${dead} reassigned` }).waitFor();
  await reassign(row(dead)).waitFor({ state: 'detached' });

  for (const owner of [stranger, 'unowned']) {
    await reassign(page.locator('#orphans tr', { hasText: owner })).click();
    await dialog.getByLabel('New owner').selectOption(other);
    await dialog.getByLabel('Reason').fill('lost and found');
    await page.keyboard.press('Enter');
    await page.locator('#orphans tr', { hasText: owner }).waitFor({ state: 'detached' });
  }

  await reassign(row(other)).click();
  await dialog.getByLabel('Reason').fill('it is to be rebuilt');
  await page.keyboard.press('Enter');
  assert.equal(await although.evaluate((box) => box.validity.valueMissing), true, 'it is alive: the operator has to confirm');
  assert.equal(await dialog.isVisible(), true);
  await although.check();
  await page.keyboard.press('Enter');
  await page.locator('#notification', { hasText: `of coordinator ${other} reassigned` }).waitFor();
  await page.locator('#actions tr', { hasText: `coordinator ${dead}` }).filter({ hasText: 'its node burnt' }).waitFor();
  await page.locator('#actions tr', { hasText: 'unowned sagas' }).waitFor();
  await page.locator('.banner.bad').first().waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Drain this process …' }).click();
  await dialog.getByLabel('Time for running sagas to finish').fill('0');
  await dialog.getByLabel('Reason').fill('version 2');
  await page.keyboard.press('Enter');
  await page.locator('.banner.warn', { hasText: 'Draining, requested by ann' }).filter({ hasText: 'reassigned, none left' }).waitFor();
  await row(other).filter({ hasText: 'active' }).waitFor();
  await page.locator('#coordinators tr', { hasText: '(this one)' }).filter({ hasText: 'draining' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Drain this process …' }).count(), 0);
}
