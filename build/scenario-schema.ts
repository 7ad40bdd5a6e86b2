/** `node build/scenario-schema.ts`: writes docs/scenario.schema.json for editors, from the schema of scenario files. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';

const FILE = join(resolve(import.meta.dirname, '..'), 'docs', 'scenario.schema.json');
const { scenarioJsonSchema } = await import('../shared/scenario-schema.ts');
const text = JSON.stringify({ $id: 'scenario.schema.json', title: 'Brokerdesk scenario', ...scenarioJsonSchema() });
writeFileSync(FILE, await format(text, { ...(await resolveConfig(FILE)), filepath: FILE }));
