import assert from 'node:assert/strict';

/** Names, errors, data and reasons from outside are text: escaped where they would deceive, cut where they are long. */
export default async function ({ page, given: [saga], view }) {
  const views = { '#/': '#trouble', '#/sagas': '#list', '#/definitions': '#definitions', [`#/saga/${saga}`]: '#events' };
  for (const [hash, place] of Object.entries(views)) {
    await view(hash);
    await page.locator(place, { hasText: '<img src=x onerror=' }).waitFor();
    for (const details of await page.locator('main details').all()) {
      await details.evaluate((element) => { element.open = true; });
    }
    const seen = await page.evaluate(() => ({
      injected: document.querySelectorAll('main img, main script, main iframe, main b > b, main a[href^="javascript:"]').length,
      ran: window.ran,
      text: document.body.innerText,
      wide: document.documentElement.scrollWidth > innerWidth,
    }));
    assert.equal(seen.injected, 0, hash);
    assert.equal(seen.ran, undefined, hash);
    assert.doesNotMatch(seen.text, /[\u0000-\u0008\u000b-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/, hash);
    assert.match(seen.text, /\\u202e/, hash);
    assert.ok(seen.text.length < 80_000, `${hash}: ${seen.text.length} characters`);
    assert.equal(seen.wide, false, hash);
  }
}
