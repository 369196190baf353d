// @ts-check
/** Requests to the API; a refusal becomes an Error with the gateway's remedy. */

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
    throw new Error("The gateway does not answer. Nothing was saved; try again when it is back.");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error([content.detail ?? answer.statusText, content.remedy].filter(Boolean).join(" "));
  }
  return content;
}

const AUTHOR = "teleward.author";

/** The name that this browser used last for entries. */
export function author() {
  return localStorage.getItem(AUTHOR) ?? "";
}

/** @param {string} name */
export function setAuthor(name) {
  localStorage.setItem(AUTHOR, name);
}
