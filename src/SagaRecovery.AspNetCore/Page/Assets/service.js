import { setClock } from './dom.js';

/** The address of the service, which is the address of the page. */
const base = location.pathname.replace(/\/+$/, '');

/** The time after which a service without a response counts as unreachable, in ms. */
const timeout = 10_000;

/** The error for a missing or incomplete response. */
export class Unreachable extends Error {}

/** Returns the address of a resource, for a link. */
export function addressOf(path) {
  return base + path;
}

/** Requests a resource. Returns status and body. Throws Unreachable if the service does not respond. */
export async function get(path, limit = timeout) {
  return await send(path, {}, limit);
}

/** Requests a change. The body is JSON, which another site cannot make a browser send. */
export async function change(path, request) {
  return await send(path, { method: 'POST', body: JSON.stringify(request), headers: { 'Content-Type': 'application/json' } }, null);
}

async function send(path, init, limit) {
  try {
    return await read(await fetch(base + path, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers },
      cache: 'no-store',
      redirect: 'manual', // a redirect to a sign-in page is no response
      signal: limit ? AbortSignal.timeout(limit) : undefined,
    }));
  } catch (error) {
    throw new Unreachable(error.name === 'TimeoutError' ? 'it does not respond' : error.message);
  }
}

async function read(response) {
  setClock(response.headers.get('Date'));
  const isJson = /[/+]json/.test(response.headers.get('Content-Type') ?? '');
  const status = response.type === 'opaqueredirect' ? 401 : response.status;
  const next = /<([^>]*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1];
  return { status, ok: response.ok && isJson, body: isJson ? await response.json() : null, next };
}

/** The reason for an unsuccessful response, as a sentence. */
export function reasonOf(answer) {
  const detail = answer.body?.message ?? answer.body?.detail;
  switch (answer.status) {
    case 401: return 'Not signed in: the service requires credentials with the right to do this. Nothing was changed.';
    case 403: return detail ?? 'Signed in without the right to do this: the policy of this endpoint is not satisfied. Nothing was changed.';
    case 405: return 'This service does not map operator actions.';
    default: return detail ?? `The service responded with status ${answer.status}.`;
  }
}
