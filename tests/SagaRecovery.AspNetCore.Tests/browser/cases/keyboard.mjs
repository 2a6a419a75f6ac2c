import assert from 'node:assert/strict';

export const options = { httpCredentials: { username: 'ann', password: 'the-token-of-the-tests' } };
export const expectedErrors = /status of 401/;

/** Every control can be reached and used with the keyboard alone. */
export default async function ({ page, given: [saga], tile }) {
  await tile('in progress').waitFor();
  await page.locator('.bars span').first().waitFor();
  await reach(page, 'action-pause');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'action-pause', 'the focus comes back');

  await page.keyboard.press('Enter');
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await page.locator('.banner', { hasText: 'Paused by ann' }).waitFor();
  await page.getByRole('button', { name: 'Resume recovery …' }).waitFor();
  await page.waitForFunction(() => document.activeElement.closest('#operations') !== null);

  await reach(page, 'action-resume');
  await page.keyboard.press('Space');
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await page.locator('.banner', { hasText: 'Paused' }).waitFor({ state: 'detached' });

  await page.locator('.bars span').nth(1).waitFor(); // the pass that the resume requested
  await reach(page, 'timeline');
  const before = await page.locator('.chosen-pass strong').textContent();
  await page.keyboard.press('ArrowLeft');
  assert.notEqual(await page.locator('.chosen-pass strong').textContent(), before);

  await reach(page, 'search');
  await page.keyboard.type(saga);
  await page.keyboard.press('Enter');
  await page.locator('#verdict .id', { hasText: saga }).waitFor();
  await reach(page, 'incident');
  await reach(page, 'print');
  await reach(page, 'node-0');
  await page.keyboard.press('Enter');
  await page.locator('.graph .chosen').waitFor();
  await reach(page, 'graph');
  await reach(page, 'course');
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.closest('[data-key]')?.dataset.key);
}

/** Presses the tab key, around the page if necessary, until the focus is there. */
async function reach(page, key) {
  for (let step = 0; step < 80; step++) {
    if (await focused(page) === key) {
      return;
    }
    await page.keyboard.press('Tab');
  }
  assert.fail(`The tab key does not reach ${key}.`);
}
