import { plain } from './text.js';
import { ago, card, el, more, sagaLink } from './dom.js';
import { get, reasonOf } from './service.js';

/** The view of a dry run. It is loaded once and then on demand, since it lists every saga in progress. */
export function planView(main) {
  const place = el('div', { id: 'plan' });
  main.replaceChildren(place);
  let loaded = false;

  async function load(event) {
    loaded = true;
    const answer = await get('/plan');
    place.replaceChildren(answer.ok ? planCard(answer.body) : card('Dry run', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)), button()));
    if (event) {
      place.querySelector('button').focus({ preventScroll: true }); // the pressed button has been replaced
    }
  }

  const button = () => el('button', { type: 'button', onclick: load }, 'Run again');

  function planCard(plan) {
    const zeros = plan.buckets.filter(({ count }) => count === 0);
    return card('What a pass would do now',
      el('p', { class: 'soft' }, `Found ${plan.found} in progress and owned by this process, `, ago(plan.at), '. No saga was resumed.'),
      el('dl', {}, plan.buckets.filter(({ count }) => count > 0).map((bucket) => [
        el('dt', {}, bucket.name),
        el('dd', {}, el('details', {}, el('summary', {}, bucket.count),
          bucket.sagas.map((id) => el('div', {}, sagaLink(id))), more(bucket.count - bucket.sagas.length))),
      ])),
      zeros.length > 0 && el('p', { class: 'soft small' }, `None: ${zeros.map(({ name }) => name).join(', ')}.`),
      button());
  }

  return { title: 'Dry run', load: async () => { if (!loaded) { await load(); } } };
}
