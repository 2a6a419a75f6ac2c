import assert from 'node:assert/strict';

/** The tiles agree with all other interfaces: their labels and numbers are given as JSON. */
export default async function ({ given: [expected], tile }) {
  for (const [label, number] of Object.entries(JSON.parse(expected))) {
    await tile(label).filter({ hasText: new RegExp(`^${number}$`) }).waitFor();
    assert.equal(await tile(label).textContent(), `${number}`, label);
  }
}
