import { setClock } from './dom.js';

/** Where the service is mapped: the page's own address. */
const base = location.pathname.replace(/\/+$/, '');

/** A silent service counts as lost after so many ms. */
const patience = 10_000;

/** No answer came, or half of one. */
export class Unreachable extends Error {}

/** Looks something up. Answers with status and body; throws Unreachable when none comes. */
export async function look(path) {
  return await ask(path, {});
}

/** Asks for a change: JSON, which no other site can make a browser send. */
export async function change(path, request) {
  return await ask(path, { method: 'POST', body: JSON.stringify(request), headers: { 'Content-Type': 'application/json' } }, null);
}

async function ask(path, init, most = patience) {
  try {
    return await answerOf(await fetch(base + path, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers },
      cache: 'no-store',
      redirect: 'manual', // to a sign-in page: not an answer
      signal: most ? AbortSignal.timeout(most) : undefined,
    }));
  } catch (none) {
    throw new Unreachable(none.name === 'TimeoutError' ? 'it does not answer' : none.message);
  }
}

async function answerOf(response) {
  setClock(response.headers.get('Date'));
  const isJson = /[/+]json/.test(response.headers.get('Content-Type') ?? '');
  const status = response.type === 'opaqueredirect' ? 401 : response.status;
  return { status, ok: response.ok && isJson, body: isJson ? await response.json() : null };
}

/** Why an answer is not what was asked for, in a sentence. */
export function reasonOf(answer) {
  const told = answer.body?.message ?? answer.body?.detail;
  switch (answer.status) {
    case 401: return 'Not signed in: the service asks for credentials that allow this, and none were given. Nothing was changed.';
    case 403: return told ?? 'Signed in, but without the right to do this: it takes the policy that the operator actions were mapped with. Nothing was changed.';
    case 405: return 'This service has no such action: it was mapped read-only.';
    default: return told ?? `The service answered ${answer.status}.`;
  }
}
