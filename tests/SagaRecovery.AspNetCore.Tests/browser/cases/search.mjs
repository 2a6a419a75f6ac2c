import assert from 'node:assert/strict';

/** One search box on every view finds whatever an id identifies, and leads to a saga that it finds alone. */
export default async function ({ page, given: [saga, coordinator, demo], view }) {
  const search = page.getByRole('search').getByRole('searchbox');
  const find = async (text) => {
    await search.fill(text);
    await page.keyboard.press('Enter');
  };
  for (const hash of ['#/', '#/sagas', '#/plan', '#/definitions', `#/saga/${saga}`]) {
    await view(hash);
    assert.equal(await page.getByRole('searchbox').count(), 1, hash);
  }

  await view('#/');
  await find(saga);
  await page.locator('#verdict .id', { hasText: saga }).waitFor();
  assert.equal(new URL(page.url()).hash, `#/saga/${saga}`);
  await find(coordinator);
  await page.locator('#found', { hasText: 'elsewhere-0' }).waitFor();
  await find('no-such-thing');
  await page.locator('#found', { hasText: "Nothing found for 'no-such-thing'." }).waitFor();
  await find(demo.slice(0, 8));
  await page.locator('#verdict .id', { hasText: demo }).waitFor();
  await find('00000000');
  await page.locator('#found li', { hasText: saga }).waitFor();
  await find('DE-ORD');
  await page.locator('#found li', { hasText: 'definition wide-order, version 1' }).getByRole('link', { name: 'Its sagas' }).click();
  await page.locator('#list tr', { hasText: saga }).waitFor();
  assert.equal(await page.getByLabel('definition', { exact: true }).inputValue(), 'wide-order');
  await find('wide-order');
  await page.locator('#found li', { hasText: 'wide-order' }).waitFor();
  await find('  ');
  assert.match(page.url(), /wide-order/, 'an empty search changes nothing');
}
