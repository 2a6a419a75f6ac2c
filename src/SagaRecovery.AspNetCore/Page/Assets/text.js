/** The longest text from outside in a list, in characters. */
export const shown = 200;

/**
 * Makes a text from outside safe to show. Control, format and bidi characters are escaped, since they could reverse or hide the text around
 * them. A text that is too long is cut.
 */
export function plain(text, most = shown) {
  const whole = String(text);
  const cut = whole.length > most ? whole.slice(0, most) + '…' : whole;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (odd) => `\\u${odd.codePointAt(0).toString(16).padStart(4, '0')}`);
}

/** Makes a name safe to show in a small place. A name that is too long is cut in its middle, since similar names often differ at their ends. */
export function short(name, most) {
  const whole = plain(name, 1000);
  return whole.length <= most ? whole : `${whole.slice(0, Math.ceil((most - 1) / 2))}…${whole.slice(-Math.floor((most - 1) / 2))}`;
}

/** Parses a duration of the service, [d.]hh:mm:ss[.fffffff], into seconds. */
export function seconds(span) {
  const [, sign, days, hours, minutes, rest] = /^(-)?(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(span) ?? [];
  const sum = Number(days ?? 0) * 86400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
  return sign ? -sum : sum;
}

/** Formats seconds in a readable unit: 8 ms, 3.2 s, 10 min, 2 h, 3 d. */
export function lasting(sum) {
  const steps = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const [size, unit] = steps.find(([least]) => sum >= least * (least > 1 ? 2 : 1)) ?? [0.001, 'ms'];
  const value = Math.max(0, sum) / size;
  return `${unit === 's' && value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.floor(value + 1e-6)} ${unit}`;
}

/** Formats a time in UTC to the second, as in the log and the text report. */
export function clock(time) {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Returns if a time is one: the service answers with the first or the last one if the stored time is none, such as infinity. */
export function isTime(time) {
  const year = new Date(time).getUTCFullYear();
  return year > 1 && year < 9999;
}

/** Splits an identifier into words: UnknownDefinition becomes "unknown definition". */
export function words(name) {
  return name.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/** Formats a number with its noun: "1 saga", "2 sagas". */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
