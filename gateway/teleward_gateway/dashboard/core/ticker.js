// @ts-check
/** A timer in a worker: browsers slow the timers of a hidden page down to one a minute. */

setInterval(() => postMessage(0), 500);
