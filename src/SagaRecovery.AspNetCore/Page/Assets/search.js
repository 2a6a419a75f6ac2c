import { plain } from './text.js';
import { card, el, sagaLink, show } from './dom.js';
import { get, reasonOf } from './service.js';

/** The endpoint answers with at most as many. */
const mostFound = 20;

/** Lets the search box of the page find sagas, definitions, coordinators and operator actions. */
export function startSearch() {
  document.getElementById('search').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get('id').trim();
    if (text !== '') {
      const hash = `#/find?${new URLSearchParams({ id: text })}`;
      location.hash === hash ? dispatchEvent(new Event('hashchange')) : location.hash = hash;
    }
  });
}

/** The view of what a text identifies. A text that identifies one saga alone leads to its view. */
export function findView(main, query) {
  const id = new URLSearchParams(query).get('id') ?? '';
  const place = el('div', { id: 'found' });
  main.replaceChildren(place);
  let loaded = false;
  return {
    title: 'Search',
    async load() {
      if (loaded) {
        return;
      }
      const answer = await get(`/whatis?${new URLSearchParams({ id })}`);
      loaded = true;
      const [only, ...others] = answer.ok ? answer.body : [];
      if (only && others.length === 0 && ['Saga', 'StartKey'].includes(only.kind) && place.isConnected) {
        location.replace(`#/saga/${only.sagaId}`);
      } else {
        show(place, answer, () => found(id, answer));
      }
    },
  };
}

function found(id, answer) {
  if (!answer.ok) {
    return card('Search', el('p', { class: 'answer bad' }, plain(reasonOf(answer), 400)));
  }
  return card(`Found for '${plain(id, 80)}'`, answer.body.length === 0
    ? el('p', { class: 'soft' }, `Nothing found for '${plain(id, 80)}'. The search finds sagas by their id or its first 8 digits or more, by start key, tag or value of a tag; definitions by a part of the name or the first 4 digits of the hash; coordinators by id; and operator actions by number.`)
    : el('ul', {}, answer.body.map((match) => el('li', {}, plain(match.description, 600), match.sagaId ? [' ', sagaLink(match.sagaId)] : match.definition && [' ', definitionLink(match.definition)]))),
  answer.body.length >= mostFound && el('p', { class: 'soft' }, `There may be more than these ${mostFound}: filter the sagas by a tag.`));
}

function definitionLink(name) {
  return el('a', { href: `#/sagas?${new URLSearchParams({ name })}` }, 'Its sagas');
}
