import assert from 'node:assert/strict';

export const options = { viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true };

/** On a phone no view has to be scrolled sideways, and operator actions fit. */
export default async function ({ page, given: [saga], view, tile }) {
  await tile('in progress').waitFor();
  await page.locator('.banner', { hasText: '1 orphan' }).waitFor();
  const views = { '#/': '#orphans td', '#/sagas': '#list td', '#/plan': '#plan dl', '#/definitions': '#definitions td', [`#/saga/${saga}`]: '.graph g' };
  for (const [hash, place] of Object.entries(views)) {
    await view(hash);
    await page.locator(place).first().waitFor();
    assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]), [375, 375], hash);
  }
  await page.getByRole('button', { name: 'Hold …' }).tap();
  const dialog = await page.getByRole('dialog').boundingBox();
  assert.ok(dialog.x >= 0 && dialog.x + dialog.width <= 375, JSON.stringify(dialog));

  await page.keyboard.press('Escape');
  await view('#/sagas?state=running');
  await page.getByRole('button', { name: 'Reassign all …' }).tap();
  await page.getByRole('dialog').locator('.listed').waitFor();
  assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]), [375, 375]);
  const many = await page.getByRole('dialog').boundingBox();
  assert.ok(many.x >= 0 && many.x + many.width <= 375, JSON.stringify(many));
}
