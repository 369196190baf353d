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

/** What a page shows while nothing answers: `words.js` puts it into the reader's language. */
export const offline = { text: "The gateway does not answer. Nothing was saved; try again when it is back." };

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
    throw new Refusal(offline.text, "refused_offline");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const { refusal } = await import("../i18n/refusals.js");
    throw new Refusal(await refusal(answer.status, String(content.detail ?? "")), content.key, content.values);
  }
  return content;
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
