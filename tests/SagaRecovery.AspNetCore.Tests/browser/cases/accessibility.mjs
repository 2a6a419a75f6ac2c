import assert from 'node:assert/strict';
import axe from 'axe-core';

/** No view breaks any rule of axe, with data of every kind in it and everything unfolded, in one scheme of colours at one width. */
export default async function ({ page, given: [colorScheme, width, saga, project, ...others], view, tile }) {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.setViewportSize({ width: Number(width), height: 900 });
  await page.evaluate(axe.source);
  await tile('in progress').waitFor();
  const views = {
    '#/': '#orphans td', '#/sagas': '#list td', '#/plan': '#plan dl', '#/definitions': '#definitions td', '#/find?id=wide-order': '#found li',
    '#/find?id=none': '#found p', '#/nonsense': 'h2:has-text("No such view")', [`#/saga/${project}`]: '.graph g', [`#/saga/${saga}`]: 'button:has-text("Hold …")',
    ...Object.fromEntries(others.map((id) => [`#/saga/${id}`, `#verdict .id:has-text("${id}")`])),
  };
  const found = [];
  for (const [hash, place] of Object.entries(views)) {
    await view(hash);
    await page.locator(place).first().waitFor();
    found.push(...await violations(page, hash));
  }

  await view(`#/saga/${saga}`);
  await page.getByRole('button', { name: /^Hold …/ }).click();
  await page.getByRole('dialog').waitFor();
  found.push(...await violations(page, 'the dialog'));
  await page.keyboard.press('Escape');
  await view('#/sagas?state=running');
  await page.getByRole('button', { name: 'Hold all …' }).click();
  await page.getByRole('dialog').locator('.listed').waitFor();
  found.push(...await violations(page, 'the dialog of many'));
  assert.equal(found.length, 0, found.join('\n'));
}

/** The violations of what the page shows now, with all details open. */
export async function violations(page, place) {
  const found = await page.evaluate(async () => {
    document.querySelectorAll('main details').forEach((details) => { details.open = true; });
    return (await window.axe.run(document, { resultTypes: ['violations'] })).violations;
  });
  return found.map(({ id, impact, nodes }) => `${place}: ${id} (${impact}): ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join('\n  ')}`);
}
