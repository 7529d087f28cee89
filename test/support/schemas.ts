// The JSON Schemas of the commands, as a user's validator reads them, and answers that they must refuse.

import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { commands } from '../../src/cli/commands/index.ts';

const folder = new URL('../../schema/', import.meta.url);

/** What the schemas share. */
export const COMMON = 'common.schema.json';

/** What people write, and nstool reads. */
export const LAB = 'lab.schema.json';

export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** All of them, by the names of their files. */
export const schemas: ReadonlyMap<string, Schema> = new Map(
  readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Schema]),
);

export function schemaFile(command: string): string {
  return `${command.replaceAll(' ', '-')}.schema.json`;
}

/** The names of the commands that answer in JSON. */
export const jsonCommands: readonly string[] = (await Promise.all(commands.map((entry) => entry.load())))
  .filter(({ options }) => options.some(({ long }) => long === 'json' || long === 'ndjson'))
  .map(({ name }) => name);

// Types come through references, where strictTypes does not look for them.
const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false });
for (const [name, schema] of schemas) ajv.addSchema(schema, name);

/** What is wrong with this answer of this command; nothing: []. */
export function faults(command: string, answer: unknown): readonly string[] {
  const validate: ValidateFunction | undefined = ajv.getSchema(schemaFile(command));
  if (validate === undefined) return [`there is no schema/${schemaFile(command)}`];
  if (validate(answer)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** Does an editor take this for a lab file? */
export function isLab(file: unknown): boolean {
  return ajv.getSchema(LAB)?.(file) === true;
}

type Entries = Record<string, unknown>;

/** Where the command line, or the kernel, says which keys there are. */
const CHOSEN = new Set([
  '/namespaces/*',
  '/matrix/*/namespaces',
  '/process',
  '/namespace',
  '/processes/*',
  '/events/*/counts',
  '/findings/*/evidence',
  '/notes/*/evidence',
  '/cgroups/*',
  '/rows/*',
  '/before',
]);

export interface Mutant {
  readonly what: string;
  readonly answer: unknown;
}

/** The answer with one thing wrong: a key too much, misspelt, missing, or with a value of another type. */
export function mutants(answer: unknown): readonly Mutant[] {
  const found: Mutant[] = [];
  const seen = new Set<string>();
  const visit = (value: unknown, path: string, rebuild: (replacement: unknown) => unknown): void => {
    if (Array.isArray(value)) {
      for (const [index, entry] of value.entries()) {
        visit(entry, `${path}/*`, (replacement) => rebuild(value.with(index, replacement)));
      }
    } else if (typeof value === 'object' && value !== null) {
      const entries = value as Entries;
      const keys = `${path} ${Object.keys(entries).join(' ')}`;
      if (!seen.has(keys)) found.push(...wrong(entries, path).map(([what, one]) => ({ what, answer: rebuild(one) })));
      seen.add(keys);
      for (const [key, entry] of Object.entries(entries)) {
        visit(entry, `${path}/${key}`, (replacement) => rebuild({ ...entries, [key]: replacement }));
      }
    }
  };
  visit(thinned(answer), '', (replacement) => replacement);
  return found;
}

/** Of what looks alike in a list only the first: a host can have thousands. */
function thinned(value: unknown): unknown {
  if (Array.isArray(value)) {
    const firsts = new Map(value.toReversed().map((entry: unknown) => [shapeOf(entry), entry]));
    return [...firsts.values()].toReversed().map(thinned);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, thinned(entry)]));
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].join()}]`;
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return `{${Object.entries(value)
    .map(([key, entry]) => `${key} ${shapeOf(entry)}`)
    .join()}}`;
}

function wrong(entries: Entries, path: string): readonly (readonly [string, Entries])[] {
  return [
    [`${path}: a key too much`, { ...entries, unheard_of: null }],
    ...Object.entries(entries).flatMap(([key, value]): (readonly [string, Entries])[] => {
      const { [key]: _, ...others } = entries;
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [
        [`${path}/${key}: misspelt`, { ...others, [`${key}_`]: value }],
        [`${path}/${key}: another type`, { ...entries, [key]: isObject ? 'text' : {} }],
        ...(CHOSEN.has(path) ? [] : [[`${path}/${key}: missing`, others] as const]),
      ];
    }),
  ];
}

/** The wrong answers that the schema takes: none, if it is any good. */
export function passed(command: string, answer: unknown): readonly string[] {
  return mutants(answer)
    .filter((mutant) => faults(command, mutant.answer).length === 0)
    .map(({ what }) => what);
}
