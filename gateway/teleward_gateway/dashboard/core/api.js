// @ts-check
/** Requests to the API; a refusal becomes an Error with the gateway's remedy. */

import { accountName } from "./me.js";

/** A refusal; `key` names its text in the catalogues, where it has one. */
export class Refusal extends Error {
  /** @param {string} message @param {string|undefined} key @param {Record<string, any>} [values] */
  constructor(message, key, values = {}) {
    super(message);
    this.key = key;
    this.values = values;
  }
}

/**
 * @param {string} method @param {string} path below /api/v1 @param {object} [body]
 * @param {number} [seen] the version that the person saw: a change since then is refused
 * @returns {Promise<any>}
 */
export async function call(method, path, body, seen) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        ...(body ? { "Content-Type": "application/json" } : {}),
        ...(seen === undefined ? {} : { "If-Match": `"${seen}"` }),
      },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    const text = "The gateway does not answer. Nothing was saved; try again when it is back.";
    throw new Refusal(text, "refused_offline");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const text = refusal(answer.status, String(content.detail ?? ""));
    throw new Refusal(text, content.key, content.values);
  }
  return content;
}

/** What to do next, where the gateway's own words are for programs. */
const NEXT = /** @type {Record<number, string>} */ ({
  401: "Log in first.",
  409: "Look at what is there now and decide again.",
  429: "Wait a little, then try again.",
  500: "The gateway has failed; its log has the details.",
  503: "Try again in a moment.",
});

/** @param {number} status @param {string} detail @returns {string} the refusal in a person's words */
function refusal(status, detail) {
  const plain = detail
    .replace(/^[A-Z]+ \/\S+: /, "")
    .replaceAll("mm[Hg]", "mmHg")
    .replace(/\bCel\b/g, "°C")
    .trim();
  const sentence = plain && plain[0].toUpperCase() + plain.slice(1) + (/[.!?]$/.test(plain) ? "" : ".");
  return [sentence || "The gateway refused this.", NEXT[status]].filter(Boolean).join(" ");
}

const AUTHOR = "teleward.author";

/** The name of the account; at the console the one that this browser used last for entries. */
export function author() {
  return accountName() || (localStorage.getItem(AUTHOR) ?? "");
}

/** @param {string} name */
export function setAuthor(name) {
  if (!accountName()) localStorage.setItem(AUTHOR, name);
}
