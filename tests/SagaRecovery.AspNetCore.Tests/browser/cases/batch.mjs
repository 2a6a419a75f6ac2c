import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };
export const expectedErrors = /status of 401/;

/** Actions on many sagas are offered for a filter alone, if they can apply to its state. Their dialog shows the filter and the first sagas. */
export default async function ({ page, given: [first, second, orphan, dead, here], view }) {
  const dialog = page.getByRole('dialog');
  const all = page.locator('#list').getByRole('button', { name: / all …$/ });
  const rows = (number) => page.locator('#list').filter({ has: page.locator(`tbody tr:nth-child(${number}):last-child`) });
  const perform = async (name, reason) => {
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name }).click();
    await dialog.locator('.answer', { hasText: ' done, 0 refused.' }).waitFor();
    await page.keyboard.press('Escape');
  };

  await view('#/sagas');
  await rows(50).waitFor();
  assert.equal(await all.count(), 0, 'there is no filter');
  await page.getByRole('link', { name: 'Older sagas' }).click();
  await rows(13).waitFor();
  assert.equal(await all.count(), 0, 'a page of the list is no filter');

  await view('#/sagas?state=stuck');
  await rows(1).waitFor();
  assert.equal(await all.count(), 0, 'none applies to a stuck saga');
  await view('#/sagas?name=demo');
  await rows(50).waitFor();
  assert.deepEqual(await all.allTextContents(), ['Cancel all …', 'Hold all …', 'Release all …', 'Reassign all …', 'Abandon all …']);
  await page.getByRole('link', { name: 'Older sagas' }).click();
  await rows(13).waitFor();
  await page.getByRole('button', { name: 'Cancel all …' }).click();
  await dialog.getByText('Filter: state running, definition demo', { exact: true }).waitFor();
  await dialog.getByText('62 sagas: 62 demo.').waitFor();
  await dialog.locator('.listed', { hasText: first }).filter({ hasText: '… and 42 more.' }).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();

  await view('#/sagas?tag=tenant%3D7');
  await rows(2).waitFor();
  await page.getByRole('button', { name: 'Hold all …' }).click();
  await dialog.getByText('Filter: unfinished, tag tenant=7', { exact: true }).waitFor();
  assert.deepEqual((await dialog.locator('.listed td.id').allTextContents()).sort(), [first, second].sort());
  await perform('Hold 2 sagas', 'INC-481');

  await view('#/sagas');
  await rows(50).waitFor();
  await page.getByLabel('only held sagas').check();
  await page.getByRole('button', { name: 'Show' }).click();
  await rows(2).waitFor();
  assert.equal(await page.getByLabel('only held sagas').isChecked(), true);
  await page.getByRole('button', { name: 'Release all …' }).click();
  await dialog.getByText('Filter: held', { exact: true }).waitFor();
  await perform('Release 2 sagas', 'INC-481 is fixed');

  await view(`#/sagas?owner=${dead}`);
  await rows(1).waitFor();
  await page.getByRole('button', { name: 'Reassign all …' }).click();
  await dialog.locator('.listed', { hasText: orphan }).waitFor();
  await dialog.getByLabel('New owner').selectOption(here);
  await perform('Reassign 1 saga', 'its node burnt');
}
