import { clock } from './text.js';

/** Unfolds everything while the page is printed, and notes the time and the address, so that a printed incident is complete. */
export function unfoldForPrint() {
  let unfolded = [];
  addEventListener('beforeprint', () => {
    unfolded = [...document.querySelectorAll('main details:not([open])')];
    unfolded.forEach((details) => { details.open = true; });
    document.getElementById('printed').textContent = `Printed ${clock(Date.now())} from ${location.href}`;
  });
  addEventListener('afterprint', () => unfolded.forEach((details) => { details.open = false; }));
}
