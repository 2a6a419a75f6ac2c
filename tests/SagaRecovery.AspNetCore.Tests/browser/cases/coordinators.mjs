import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };
export const expectedErrors = /status of 401/;

/** Coordinators, unowned and orphaned sagas, and the operator actions that reassign them; an owner that answers requires a confirmation. */
export default async function ({ page, given: [dead, stranger, other], say, tile }) {
  const row = (id) => page.locator('#coordinators tr', { hasText: id });
  const dialog = page.getByRole('dialog');
  const reassign = (place) => place.getByRole('button', { name: 'Reassign …' });
  const although = dialog.getByLabel('although it answers');

  await page.locator('.banner.bad', { hasText: '2 orphans on this database: unfinished, whose owner is no known coordinator' }).waitFor();
  await page.locator('.banner.bad', { hasText: '1 stranded saga on this database: unfinished, whose owner does not answer' }).waitFor();
  await tile('orphans').filter({ hasText: /^2$/ }).waitFor();
  await row(dead).filter({ hasText: '✗ silent' }).filter({ hasText: 'any definition' }).waitFor();
  await row(other).filter({ hasText: '✓ answers' }).filter({ hasText: '4 definitions' }).waitFor();
  await say('seen');

  await reassign(row(dead)).click();
  assert.equal(await although.count(), 0, 'it does not answer');
  await dialog.getByLabel('Reason').fill('its node burnt');
  await page.keyboard.press('Enter');
  await page.locator('#told', { hasText: `reassign: done, 1 saga of coordinator ${dead} reassigned` }).waitFor();
  await reassign(row(dead)).waitFor({ state: 'detached' });

  for (const owner of [stranger, 'nobody']) {
    await reassign(page.locator('#orphans tr', { hasText: owner })).click();
    await dialog.getByLabel('Who gets them').selectOption(other);
    await dialog.getByLabel('Reason').fill('lost and found');
    await page.keyboard.press('Enter');
    await page.locator('#orphans tr', { hasText: owner }).waitFor({ state: 'detached' });
  }

  await reassign(row(other)).click();
  await dialog.getByLabel('Reason').fill('it is to be rebuilt');
  await page.keyboard.press('Enter');
  assert.equal(await although.evaluate((box) => box.validity.valueMissing), true, 'it answers: that has to be agreed to');
  assert.equal(await dialog.isVisible(), true);
  await although.check();
  await page.keyboard.press('Enter');
  await page.locator('#told', { hasText: `of coordinator ${other} reassigned` }).waitFor();
  await page.locator('#actions tr', { hasText: `coordinator ${dead}` }).filter({ hasText: 'its node burnt' }).waitFor();
  await page.locator('#actions tr', { hasText: "nobody's sagas" }).waitFor();
  await page.locator('.banner.bad').first().waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Drain this process …' }).click();
  await dialog.getByLabel('How many seconds').fill('0');
  await dialog.getByLabel('Reason').fill('version 2');
  await page.keyboard.press('Enter');
  await page.locator('.banner.warn', { hasText: 'Draining, asked for by ann' }).filter({ hasText: 'given to others, none left' }).waitFor();
  await row(other).filter({ hasText: 'active' }).waitFor();
  await page.locator('#coordinators tr', { hasText: '(this one)' }).filter({ hasText: 'draining' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Drain this process …' }).count(), 0);
}
