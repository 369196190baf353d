// @ts-check
/** The reference of the API, drawn from the gateway's own OpenAPI description. */

import { html, render } from "../vendor/lit-html.js";

const DESCRIPTION = "/api/v1/openapi.json";
const METHODS = ["get", "post", "put", "patch", "delete"];

/** @typedef {Record<string, any>} Json */

const place = /** @type {HTMLElement} */ (document.getElementById("docs"));

/** @param {Json} schema @returns {string} a type in a few words */
function typeOf(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((/** @type {any} */ each) => JSON.stringify(each)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties) return `table of ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? "any";
}

/** @param {Json} content by media type */
function contentOf(content) {
  return Object.entries(content ?? {}).map(([media, { schema }]) => `${typeOf(schema)} (${media})`).join(", ");
}

/** @param {Json[]} parameters */
function parameterTable(parameters) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Parameters">
    <table>
      <thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
      <tbody>
        ${parameters.map(
          (each) => html`<tr>
            <td><code>${each.name}</code>${each.required ? " *" : ""}</td><td>${each.in}</td><td>${typeOf(each.schema)}</td>
            <td>${each.description ?? each.schema?.description ?? ""}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {string} path @param {string} method @param {Json} operation */
function operationPart(path, method, operation) {
  const answers = Object.entries(operation.responses ?? {}).filter(([status]) => /^2/.test(status));
  const open = method === "get" && !path.includes("{");
  return html`<details id=${operation.operationId}>
    <summary><b>${method.toUpperCase()}</b> <code>${path}</code> – ${operation.summary}</summary>
    <p>${operation.description ?? ""}</p>
    <p>Name in a generated client: <code>${operation.operationId}</code>${open ? html` · <a href=${path}>open it</a>` : null}</p>
    ${operation.parameters?.length ? parameterTable(operation.parameters) : null}
    ${operation.requestBody ? html`<p>Body: ${contentOf(operation.requestBody.content)}</p>` : null}
    ${answers.map(([status, each]) => html`<p>Answer ${status}: ${contentOf(each.content) || "without a body"}</p>`)}
  </details>`;
}

/** @param {string} name @param {Json} schema */
function schemaPart(name, schema) {
  const properties = Object.entries(schema.properties ?? {});
  return html`<details id="schema-${name}">
    <summary><code>${name}</code></summary>
    <p>${schema.description ?? ""}</p>
    <ul>
      ${properties.map(
        ([key, each]) => html`<li><code>${key}</code>${schema.required?.includes(key) ? " *" : ""}: ${typeOf(each)}${
          each.description ? ` – ${each.description}` : ""
        }</li>`,
      )}
    </ul>
  </details>`;
}

/** @param {Json} document_ */
function reference(document_) {
  const operations = Object.entries(document_.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ path, method, operation: methods[method] })),
  );
  const groups = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? "other"))];
  return html`<p>
      ${document_.info.title} ${document_.info.version} · <a href=${DESCRIPTION}>OpenAPI description</a> for generated clients.
    </p>
    <p>Errors are problems (RFC 9457) with a remedy. Times are UTC in nanoseconds since 1970, units are UCUM. An asterisk: required.</p>
    ${groups.map(
      (group) => html`<section>
        <h2>${group[0].toUpperCase()}${group.slice(1)}</h2>
        ${operations
          .filter(({ operation }) => (operation.tags?.[0] ?? "other") === group)
          .map(({ path, method, operation }) => operationPart(path, method, operation))}
      </section>`,
    )}
    <section>
      <h2>Types</h2>
      ${Object.entries(document_.components?.schemas ?? {}).map(([name, schema]) => schemaPart(name, schema))}
    </section>`;
}

try {
  const answer = await fetch(DESCRIPTION);
  if (!answer.ok) throw new Error("The description of the API is for operators: log in as one.");
  place.replaceChildren();
  render(reference(await answer.json()), place);
} catch (error) {
  place.textContent = error instanceof TypeError ? "The gateway does not answer. Try again when it is back." : /** @type {Error} */ (error).message;
}
