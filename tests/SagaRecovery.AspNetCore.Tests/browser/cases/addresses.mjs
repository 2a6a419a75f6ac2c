import assert from 'node:assert/strict';

/** An address that is malformed or has no view says so, and leads back. */
export default async function ({ page, view }) {
  for (const hash of ['#/saga/%', '#/saga/%E0%A4%A', '#/saga/', '#/saga', '#/nonsense']) {
    await view(hash);
    await page.locator('main', { hasText: `This page has no view at ${hash}.` }).waitFor();
    assert.equal(await page.title(), 'No such view · saga recovery');
    await page.locator('main').getByRole('link', { name: 'Overview' }).click();
    await page.locator('#coordinators td').first().waitFor();
  }
}
