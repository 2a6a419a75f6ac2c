import { plain } from './text.js';
import { ago, card, el, sagaLink } from './dom.js';
import { look, reasonOf } from './service.js';

/** What a pass would do now: asked for once, and again on demand, since it lists every saga in progress. */
export function planView(main) {
  const at = el('div', { id: 'plan' });
  main.replaceChildren(at);
  let asked = false;

  async function ask(event) {
    asked = true;
    const answer = await look('/plan');
    at.replaceChildren(answer.ok ? planCard(answer.body) : card('Dry run', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)), button()));
    if (event) {
      at.querySelector('button').focus({ preventScroll: true }); // the one that was pressed is gone
    }
  }

  const button = () => el('button', { type: 'button', onclick: ask }, 'Ask again');

  function planCard(plan) {
    return card('What a pass would do now',
      el('p', { class: 'soft' }, `Found ${plan.found} in progress and ours, `, ago(plan.at), '. Nothing was handed over.'),
      el('dl', {}, plan.buckets.map((bucket) => [
        el('dt', {}, bucket.name),
        el('dd', {}, bucket.count === 0 ? '0' : el('details', {}, el('summary', {}, bucket.count),
          bucket.sagas.map((id) => el('div', {}, sagaLink(id))), bucket.count > bucket.sagas.length && `… and ${bucket.count - bucket.sagas.length} more`)),
      ])),
      button());
  }

  return { title: 'Dry run', load: async () => { if (!asked) { await ask(); } } };
}
