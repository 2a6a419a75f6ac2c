// Runs one case in a headless browser: node run.mjs CASE ADDRESS …
// A case receives the tools of the open page, see below; it fails by throwing. It also fails if the page wrote an error to the console.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [scene, address, ...given] = process.argv.slice(2);
const { default: play, expectedErrors = /^$/, options = {} } = await import(`./cases/${scene}.mjs`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });

try {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const errors = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.stack));
  page.on('dialog', (dialog) => { errors.push(`a script opened a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => new URL(request.url()).origin === new URL(address).origin || /^(data|about):/.test(request.url()) || errors.push(`asked elsewhere: ${request.url()}`));

  await page.goto(address);
  await play({
    page, address, given,
    /** Prints a word to the runner of the case, and waits until the case may continue. */
    say: async (word) => { console.log(word); await lines.next(); },
    /** Goes to a view. */
    view: async (hash) => { await page.evaluate((to) => { location.hash = to; }, hash); },
    /** A tile's number, once the tile is there. */
    tile: (label) => page.locator('.tile', { hasText: label }).locator('b'),
  });
  assert.deepEqual(errors.filter((error) => !expectedErrors.test(error)), []);
} finally {
  await browser.close();
  process.stdin.destroy();
}
