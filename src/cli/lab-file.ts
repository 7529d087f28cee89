// A lab file, read and taken apart: YAML becomes a tree with places. What YAML can do beyond that is bounded: an alias that
// stands for a thing a thousand times counts a thousand times.

import type { Document, LineCounter, Node } from 'yaml';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { LabFile } from '../network/lab-file/lab-file.ts';
import { readLabTree } from '../network/lab-file/read.ts';
import { wrong, type MapEntry, type Place, type Tree } from '../network/lab-file/tree.ts';
import type { Context } from './define-command.ts';

type Yaml = typeof import('yaml');

const MOST_BYTES = 1 << 20;
const MOST_PARTS = 50_000;
const DEEPEST = 20;

/** `-`: standard input. Errors: NO_FILE, DENIED, BAD_VALUE. */
export async function readLabFile(path: string, context: Context): Promise<LabFile> {
  return readLabTree(await readTree(path, await textOf(path, context)));
}

async function textOf(path: string, context: Context): Promise<string> {
  if (path === '-') return context.readStdin();
  const bytes = await context.readInput(path);
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read ${path}`);
  if (bytes.value.length > MOST_BYTES) throw tooLarge(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.value);
  } catch {
    throw new NsError('BAD_VALUE', { what: `${path} is no text`, why: 'it is not UTF-8' });
  }
}

function tooLarge(path: string): NsError {
  return new NsError('BAD_VALUE', { what: `${path} is no lab`, why: `it has more than ${MOST_BYTES} bytes` });
}

async function readTree(file: string, text: string): Promise<Tree> {
  if (text.length > MOST_BYTES) throw tooLarge(file);
  // 10 ms that other commands need not wait for.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = parse(yaml, text, lines, file);
  const place = placing(file, lines);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    if (problem.message.includes('call stack')) throw wrong(place(problem.pos[0]), 'it nests too deep', NOT_SO_DEEP);
    const told = problem.message.replace(/\s+/g, ' ').slice(0, LONGEST_MESSAGE);
    throw wrong(
      place(problem.pos[0]),
      `this is no YAML: ${told}`,
      HINTS.get(problem.code) ?? 'a name, a colon, a space and a value a line',
    );
  }
  return new TreeMaker(yaml, document, place).make(document.contents, { file, line: 1, column: 1 }, 0);
}

const LONGEST_MESSAGE = 150;

const HINTS = new Map<string, string>([
  ['TAB_AS_INDENT', 'spaces, no tabs'],
  ['DUPLICATE_KEY', 'another name for one of the two'],
  ['MULTIPLE_DOCS', 'one lab a file'],
  ['MISSING_CHAR', 'what is missing: a quote, a bracket, or a space after the colon'],
  ['BAD_ALIAS', 'the value itself'],
  ['TAG_RESOLVE_FAILED', 'the value without a tag'],
]);

/** What nests too deep runs out of stack. */
function parse(yaml: Yaml, text: string, lineCounter: LineCounter, file: string): Document {
  try {
    return yaml.parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    if (error instanceof RangeError) throw wrong({ file, line: 1, column: 1 }, 'it nests too deep', NOT_SO_DEEP);
    throw error;
  }
}

const NOT_SO_DEEP = 'nodes and links, with what they have';

function placing(file: string, lines: LineCounter): (offset: number) => Place {
  return (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

class TreeMaker {
  private parts = 0;
  private readonly yaml: Yaml;
  private readonly document: Document;
  private readonly place: (offset: number) => Place;

  constructor(yaml: Yaml, document: Document, place: (offset: number) => Place) {
    this.yaml = yaml;
    this.document = document;
    this.place = place;
  }

  /** `above`: where it is if nothing says so, as of a value that is not written. */
  make(node: unknown, above: Place, depth: number): Tree {
    const { yaml } = this;
    const at = this.placeOf(node) ?? above;
    this.parts += 1;
    if (this.parts > MOST_PARTS) throw wrong(at, `it has more than ${MOST_PARTS} parts`, 'fewer, and fewer aliases');
    if (depth > DEEPEST) throw wrong(at, 'it nests too deep', NOT_SO_DEEP);
    if (yaml.isAlias(node)) return this.make(node.resolve(this.document), at, depth + 1);
    if (yaml.isSeq(node)) return { type: 'list', at, items: node.items.map((item) => this.make(item, at, depth + 1)) };
    if (yaml.isMap(node)) return { type: 'map', at, entries: this.entriesOf(node.items, at, depth) };
    if (node === null || node === undefined) return { type: 'scalar', at, value: null, text: '' };
    if (yaml.isScalar(node)) return { type: 'scalar', at, ...scalarOf(node.value, node.source) };
    throw wrong(at, 'this is nothing that a lab has', 'a name, a number, a list or a map');
  }

  private entriesOf(
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    above: Place,
    depth: number,
  ): readonly MapEntry[] {
    const seen = new Set<string>();
    return pairs.map(({ key, value }) => {
      const at = this.placeOf(key) ?? above;
      const name = this.yaml.isScalar(key) ? scalarOf(key.value, key.source) : undefined;
      if (name === undefined || name.value === null || typeof name.value === 'boolean')
        throw wrong(at, 'this is no name', 'a word, a colon and a value');
      // As numbers and as words two may differ.
      if (seen.has(name.text)) throw wrong(at, `'${name.text.slice(0, 70)}' is there twice`, 'one of them');
      seen.add(name.text);
      return { key: name.text, at, value: this.make(value, at, depth + 1) };
    });
  }

  private placeOf(node: unknown): Place | undefined {
    const range = this.yaml.isNode(node) ? (node as Node).range : undefined;
    return range === undefined || range === null ? undefined : this.place(range[0]);
  }
}

function scalarOf(
  value: unknown,
  source: string | undefined,
): { readonly value: string | number | boolean | null; readonly text: string } {
  if (typeof value === 'string') return { value, text: value };
  if (typeof value === 'number' || typeof value === 'boolean') return { value, text: source ?? String(value) };
  return { value: null, text: '' };
}
