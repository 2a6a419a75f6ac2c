import assert from 'node:assert/strict';
import axe from 'axe-core';

/** No view breaks a rule of axe seriously or critically, with data in it, in light and in dark, on a desk and on a phone. */
export default async function ({ page, given: [saga, project], view, tile }) {
  await page.evaluate(axe.source);
  await tile('in progress').waitFor();
  const views = {
    '#/': '#orphans td', '#/sagas': '#list td', '#/plan': '#plan dl', '#/definitions': '#definitions td', [`#/saga/${project}`]: '.graph g', [`#/saga/${saga}`]: 'button:has-text("Hold …")',
  };
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1180, 375]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      for (const [hash, place] of Object.entries(views)) {
        await view(hash);
        await page.locator(place).first().waitFor();
        found.push(...await violations(page, `${hash} in ${colorScheme} at ${width}`));
      }

      await page.getByRole('button', { name: /^Hold …/ }).click();
      await page.getByRole('dialog').waitFor();
      found.push(...await violations(page, `the dialog in ${colorScheme} at ${width}`));
      await page.keyboard.press('Escape');
      await view('#/sagas?state=running');
      await page.getByRole('button', { name: 'Hold all …' }).click();
      await page.getByRole('dialog').locator('.listed').waitFor();
      found.push(...await violations(page, `the dialog of many in ${colorScheme} at ${width}`));
      await page.keyboard.press('Escape');
    }
  }
  assert.equal(found.length, 0, found.join('\n'));
}

/** The serious and critical violations of what the page shows now, with all details open. */
async function violations(page, place) {
  const found = await page.evaluate(async () => {
    document.querySelectorAll('main details').forEach((details) => { details.open = true; });
    return (await window.axe.run(document, { resultTypes: ['violations'] })).violations;
  });
  return found.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(
    ({ id, nodes }) => `${place}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join('\n  ')}`);
}
