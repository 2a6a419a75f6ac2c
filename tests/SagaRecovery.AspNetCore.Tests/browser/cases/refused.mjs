import assert from 'node:assert/strict';

/** A user who does not know the token. */
export const options = { httpCredentials: { username: 'mallory', password: 'a guess' } };

export const expectedErrors = /status of 401/;

/** Without rights an action reports what is missing. If the page knows it in advance, the action is disabled and says why. */
export default async function ({ page, address, given: [saga], view }) {
  await view(`#/saga/${saga}`);
  await page.getByText('Operator actions require signing in').waitFor();
  await page.getByRole('button', { name: 'Abandon …' }).click();
  await page.getByLabel('Reason').fill('because I can');
  await page.getByRole('dialog').getByRole('button', { name: 'Abandon' }).click();
  await page.getByRole('alert').filter({ hasText: 'Not signed in' }).waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await view('#/');
  await page.getByRole('button', { name: 'Run a pass now' }).click();
  await page.locator('#notification', { hasText: 'Not signed in' }).waitFor();

  for (const [rights, says] of [['Refused', 'You have no right to run operator actions'], ['NotMapped', 'Operator actions are not mapped']]) {
    await page.route(address, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace('data-rights="AfterSigningIn"', `data-rights="${rights}"`);
      await route.fulfill({ response, body });
    });
    await page.goto('about:blank');
    await page.goto(`${address}#/saga/${saga}`);
    await page.getByText(says).waitFor();
    const actions = page.locator('button[data-key^="action-"]');
    assert.ok(await actions.count() >= 3);
    for (const button of await actions.all()) {
      assert.equal(await button.isDisabled(), true, await button.textContent());
      assert.equal(await button.getAttribute('aria-describedby'), 'actions-hint');
    }
    await page.unroute(address);
  }
}
