import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };

/** The browser asks for credentials at the first action. */
export const expectedErrors = /status of 401/;

/** A stuck saga names its failed undo and both ways out. A skipped undo lets the saga unwind. */
export default async function ({ page, given: [saga], view }) {
  await view(`#/saga/${saga}`);
  await page.locator('#why', { hasText: "The undo of 'wait-for-release' failed with closed: its account is closed." }).waitFor();
  await page.locator('#why', { hasText: `sagas skip-undo ${saga} wait-for-release` }).waitFor();
  await page.getByRole('button', { name: 'Retry the undo …' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Hold …' }).count(), 0, 'a saga that has ended cannot be held');

  await page.getByRole('button', { name: 'Skip an undo …' }).click();
  assert.equal(await page.getByLabel('Node that you have undone').inputValue(), 'wait-for-release');
  await page.getByLabel('Reason').fill('refunded by hand');
  await page.getByRole('dialog').getByRole('button', { name: 'Skip an undo' }).click();
  await page.locator('#notification', { hasText: 'skip-undo: done' }).waitFor();
  await page.locator('#verdict .badge', { hasText: 'unwound' }).waitFor();
}
