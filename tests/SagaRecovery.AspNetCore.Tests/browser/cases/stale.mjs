import assert from 'node:assert/strict';

export const expectedErrors = /503 \(Service Unavailable\)/;

/** Numbers from the store say how old they are once they are old or the store does not answer, and what is not known is no zero. */
export default async function ({ page, address, given: [stuck], tile, view }) {
  const problem = page.locator('#attention tr', { hasText: stuck });
  await problem.waitFor();
  assert.equal(await page.getByText('as of').count(), 0, 'nothing is old');
  assert.equal(await tile('owner down').textContent(), '1');

  const before = new Date(Date.now() - 600_000).toISOString();
  let change = (report) => {
    for (const one of [report.unresolved, report.cluster, report.problems]) {
      one.at = before;
    }
    report.unresolved.stuck.count = 0;
    report.problems.problems.forEach((one) => (one.since = '9999-12-31T23:59:59.999999+00:00')); // as an infinite time reads
    report.heartbeat = { ...report.heartbeat, lateSince: before, error: null };
  };
  await page.route(address, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    change(body);
    await route.fulfill({ response, json: body });
  });
  await page.locator('.zeros', { hasText: /0 stuck, as of 1\d min ago/ }).waitFor();
  await problem.filter({ hasText: 'at an unknown time' }).waitFor();
  await page.locator('.tile:not(.zero)', { hasText: /1\s*owner down, as of 1\d min ago/ }).waitFor();
  await page.locator('#attention', { hasText: /1 stuck, .*; as of 1\d min ago/ }).waitFor();
  await page.locator('.banner', { hasText: /Heartbeat late, none written for 1\d min\. Other/ }).waitFor();

  change = (report) => {
    report.lastPass.result = 'Failed';
  };
  await page.locator('.tile', { hasText: /orphans, as of (now|[\d.]+ m?s ago)/ }).waitFor(); // it is not old, but the store does not answer

  change = (report) => {
    Object.assign(report, { unresolved: null, cluster: null, steps: null, stalled: null });
  };
  await page.locator('.zeros', { hasText: 'Not known: stuck, steps hanging, orphans, owner down, abandoned, stalled, steps retried.' }).waitFor();
  assert.equal(await page.locator('.tile', { hasText: 'stuck' }).count(), 0);

  await view(`#/saga/${stuck}`);
  await page.locator('#why').waitFor();
  await page.route('**/sagas/**', (route) => route.fulfill({ status: 503, json: { detail: 'Postgres does not respond.' } }));
  await page.locator('#notice', { hasText: /Not up to date: Postgres does not respond\. The saga is shown as it was (now|.* ago)\./ }).waitFor();
  assert.ok(await page.locator('#why').isVisible(), 'what was read stays');
}
