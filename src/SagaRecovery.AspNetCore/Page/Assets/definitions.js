import { count, plain } from './text.js';
import { badge, card, el, table } from './dom.js';
import { get, reasonOf, Unreachable } from './service.js';

/** The number of shapes of one name and version from which they share a row. */
const mostShapes = 5;

/** The time limit of the count, in ms: it reads every saga. */
const patience = 60_000;

/** The needs for a definition by urgency, with the answer to the question if its class may be deleted. */
const needs = {
  None: ['calm', 'may be deleted'],
  StuckSagas: ['warn', 'needed', ' if an undo is to be retried'],
  UnfinishedSagas: ['good', 'needed'],
  NotRunnable: ['bad', 'no process can run it', ' and it has unfinished sagas'],
};

/** The view of the definitions. It is loaded once and then on demand, since it counts all sagas. The status does not wait for it. */
export function definitionsView(main) {
  const place = el('div', { id: 'definitions' });
  main.replaceChildren(place);
  let loaded = false;

  async function load(event) {
    loaded = true;
    place.replaceChildren(card('Definitions', el('p', { class: 'soft' }, 'Counting the sagas of each definition …')));
    place.replaceChildren(await read());
    if (event) {
      place.querySelector('button').focus({ preventScroll: true }); // the pressed button has been replaced
    }
  }

  async function read() {
    try {
      const answer = await get('/definitions', patience);
      return answer.ok ? definitionsCard(answer.body) : failed(reasonOf(answer));
    } catch (lost) {
      if (!(lost instanceof Unreachable)) {
        throw lost;
      }
      return failed(`The sagas were not counted: ${lost.message}.`);
    }
  }

  const failed = (reason) => card('Definitions', el('p', { class: 'answer bad' }, plain(reason, 400)), button());

  const button = () => el('button', { type: 'button', onclick: load }, 'Count again');

  function definitionsCard(list) {
    return card('Definitions',
      el('p', { class: 'soft' }, 'A class may be deleted once no unfinished saga has its definition, and the program starts no saga of it any more.'),
      list.definitions.length === 0 ? el('p', { class: 'soft' }, 'No definition is stored or published.') : table(rows(list), [
        ['definition', (row) => `${plain(row.name, 100)} v${row.version}`],
        ['hash', (row) => row.hash ? el('span', { class: 'id', title: row.hash }, row.hash.slice(0, 12)) : row.shapes === 1 ? 'any' : `${row.shapes} shapes`, 'when'],
        ['unfinished', (row) => row.unfinished, 'number'],
        ['ended', (row) => [row.ended, row.ended >= 1000 && '+', row.stuck > 0 && ` (${row.stuck} stuck)`], 'number'],
        ['may it be deleted?', (row) => answer(row)],
        ['can run it', (row) => runners(row, list.runAny), 'when'],
      ]),
      button());
  }

  return { title: 'Definitions', load: async () => { if (!loaded) { load(); } } };
}

/** One row for each definition, or for all shapes of a name and version if there are many. */
function rows(list) {
  const versions = Map.groupBy(list.definitions, (one) => JSON.stringify([one.name, one.version]));
  return [...versions.values()].flatMap((shapes) => (shapes.length > mostShapes ? [total(shapes)] : shapes.map((one) => ({ ...one, shapes: shapes.length }))));
}

function total(shapes) {
  const sum = (of) => shapes.reduce((all, one) => all + of(one), 0);
  const urgency = Object.keys(needs);
  return {
    ...shapes[0], hash: null, shapes: shapes.length,
    unfinished: sum((one) => one.unfinished), ended: sum((one) => one.ended), stuck: sum((one) => one.stuck),
    runBy: [...new Set(shapes.flatMap((one) => one.runBy))],
    need: urgency[Math.max(...shapes.map((one) => urgency.indexOf(one.need)))],
  };
}

/** The answer in the words of the tool. A class that a process has registered is not called superfluous before it had a saga. */
function answer(row) {
  if (row.need === 'None' && row.ended === 0 && row.runBy.length > 0) {
    return badge('calm', 'registered, has no sagas');
  }
  const [tone, text, more] = needs[row.need];
  return [badge(tone, text), more];
}

function runners(row, any) {
  const all = [...row.runBy, ...any];
  return all.length === 0 ? 'no process' : el('details', {}, el('summary', {}, count(all.length, 'process', 'processes')),
    all.map((id) => el('div', { class: 'id' }, id)));
}
