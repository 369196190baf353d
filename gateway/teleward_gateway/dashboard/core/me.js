// @ts-check
/** Who is logged in: what pages do not offer, whose name entries carry, and the end of a login. */

/** @typedef {{name: string, role: string, hidden: string[], join?: string}} Me */

/** @type {Me} */
let me = { name: "", role: "console", hidden: [] };
let lookedAt = -Infinity;
const AGAIN_MS = 5000;
const ENDED = "session-ended";

/** @returns {Me} */
export function person() {
  return me;
}

/** The name of the account, empty at the console. */
export function accountName() {
  return me.name;
}

/** Where phones join a class: beside HTTPS there is a door that needs no certificate. */
export function joinHost() {
  return me.join || location.host;
}

/** @returns {Promise<Me>} */
export async function lookUp() {
  lookedAt = performance.now();
  const answer = await fetch("/api/v1/me", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) {
    me = await answer.json();
    // style sheets hide what carries one of these words in `data-needs`
    document.documentElement.dataset.hidden = me.hidden.join(" ");
    document.documentElement.dataset.role = me.role;
  }
  return me;
}

/** A stream that does not open may be one that may not: look, and show it. */
export async function lookAgain() {
  if (performance.now() - lookedAt < AGAIN_MS) return;
  const before = me;
  await lookUp();
  if (before.role !== "nobody" && before.role !== "console" && me.role === "nobody") await showEnded();
}

/** A screen that shows old values quietly would be worse than one that shows its state. */
export async function showEnded() {
  if (document.getElementById(ENDED)) return;
  document.documentElement.dataset.ended = "";
  const { t } = await import("../i18n/words.js");
  const notice = document.createElement("p");
  notice.id = ENDED;
  notice.setAttribute("role", "alert");
  notice.textContent = t("login_ended");
  const link = document.createElement("a");
  link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = t("log_in");
  notice.append(link);
  document.body.prepend(notice);
}
