// @ts-check
/**
 * Keeps the files of the ward and bed pages, so that they open while the gateway cannot be reached.
 *
 * The gateway is always asked first: what was kept answers only when it does not, and what it
 * answers is kept instead. Nothing of the API is kept.
 */

const CACHE = "teleward";
/** A link that is open and carries nothing must not hold a page up for longer. */
const PATIENCE_MS = 3000;

/** @param {URL} url @returns {string | null} under which name a file is kept, null for all others */
function keyOf({ origin, pathname }) {
  if (origin !== self.location.origin) return null;
  if (pathname === "/ward" || pathname.startsWith("/static/")) return pathname;
  // one page for every bed
  return /^\/bed\/[^/]+\/?$/.test(pathname) ? "/bed/" : null;
}

/** @param {string} key @param {Response} answer */
async function keep(key, answer) {
  if (answer.ok && !answer.redirected) await (await caches.open(CACHE)).put(key, answer);
}

/** @param {Request} request @param {string} key @returns {Promise<Response>} */
async function answerTo(request, key) {
  const kept = await caches.match(key);
  const asked = fetch(request).then((answer) => {
    void keep(key, answer.clone());
    return answer;
  });
  if (!kept) return asked;
  const late = new Promise((done) => setTimeout(() => done(kept), PATIENCE_MS));
  return Promise.race([asked.catch(() => kept), /** @type {Promise<Response>} */ (late)]);
}

const worker = /** @type {any} */ (self);
worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const key = event.request.method === "GET" ? keyOf(new URL(event.request.url)) : null;
  if (key !== null) event.respondWith(answerTo(event.request, key));
});
/** The first page was there before this worker: it names its files. */
worker.addEventListener("message", (/** @type {any} */ event) => {
  const keeping = event.data.files.map(async (/** @type {string} */ file) => {
    const url = new URL(file, self.location.origin);
    const key = keyOf(url);
    if (key !== null) await keep(key, await fetch(url, { cache: "no-cache" }));
  });
  event.waitUntil(Promise.allSettled(keeping).then(() => event.source?.postMessage("kept")));
});
