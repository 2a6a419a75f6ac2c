import assert from 'node:assert/strict';

/** An error that was cut inside an escape of its stack trace. */
const cutError = '{"code":"quota","message":"no \\u003Cb\\u003Eroom","exception":"QuotaException: no room\\r\\n   at Disks.\\u003CCreate\\u003Ed__5.MoveNext()\\n   at Node.\\u00';

/** An incident is one saga with everything: printed, unfolded and black on white; and as a file of text. */
export default async function ({ page, given: [saga], view }) {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.route(`**/sagas/${saga}`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.events.find((event) => event.type === 'Failed').data = cutError;
    await route.fulfill({ response, json: body });
  });
  await view(`#/saga/${saga}`);
  const folded = page.locator('#events details');
  await folded.first().waitFor();
  assert.equal(await page.locator('main details[open]').count(), 0);
  await page.evaluate(() => {
    addEventListener('beforeprint', () => { window.printed = [...document.querySelectorAll('main details')].every((details) => details.open); });
  });

  assert.equal(await page.locator('#events pre').textContent(), 'quota: no <b>roomQuotaException: no room   at Disks.<Create>d__5.MoveNext()   at Node.…');
  assert.equal(await page.locator('#events pre br').count(), 4, 'each line of the stack trace is one');

  await page.pdf();
  assert.equal(await page.evaluate(() => window.printed), true, 'everything is unfolded while the page is printed');
  assert.equal(await page.locator('main details[open]').count(), 0, 'and folded again after it');
  assert.match(await page.locator('#printed').textContent(), /^Printed \d{4}-.*Z from http/);

  await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
  assert.equal(await page.locator('header').isVisible(), false);
  assert.equal(await page.getByRole('button').count(), await page.locator('.states button').count(), 'no button is printed, but the names of nodes');
  const looks = await page.evaluate(() => [...document.querySelectorAll('body, .card, .answer, .badge, td, dd, .graph text, .graph .node rect')].map((element) => {
    const { color, fill, backgroundColor } = getComputedStyle(element);
    return element instanceof SVGRectElement ? `rect ${fill}` : element instanceof SVGElement ? `text ${fill}` : `${color} on ${backgroundColor}`;
  }));
  const allowed = ['rgb(0, 0, 0)', 'rgb(51, 51, 51)'].flatMap((ink) => ['rgb(255, 255, 255)', 'rgba(0, 0, 0, 0)'].map((paper) => `${ink} on ${paper}`).concat(`text ${ink}`)).concat('rect rgb(255, 255, 255)');
  assert.deepEqual([...new Set(looks)].filter((look) => !allowed.includes(look)), []);
  assert.ok(await page.locator('.graph').evaluate((graph) => getComputedStyle(graph).maxHeight === 'none' && getComputedStyle(graph).maskImage === 'none'));

  await page.emulateMedia({ media: 'screen' });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save everything as text' }).click()]);
  assert.equal(download.suggestedFilename(), `saga-${saga}.txt`);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  assert.match(text, new RegExp(`saga ${saga}: not owned`));
  assert.match(text, /failed +disk-07 +quota: The quota of the project for disks \(30\) is exhausted\.\n +QuotaException: The quota\n +at Disks\.Create\(\)\n/);
}
