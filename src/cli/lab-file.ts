// A lab file, read and taken apart: YAML becomes a tree with places. What YAML can do beyond that is bounded: an alias that
// stands for a thing a thousand times counts a thousand times.

import type { Document, LineCounter, Node } from 'yaml';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { LabFile } from '../network/lab-file/lab-file.ts';
import { readLabTree } from '../network/lab-file/read.ts';
import { wrong, type MapEntry, type Place, type Tree } from '../network/lab-file/tree.ts';
import type { Context } from './define-command.ts';

type Yaml = typeof import('yaml');

/** A lab of a thousand nodes has 60 KiB. */
const MOST_BYTES = 1 << 18;
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

function tooMuch(at: Place): NsError {
  return wrong(at, `it has more than ${MOST_PARTS} parts`, 'fewer, and fewer aliases');
}

function tooLarge(path: string): NsError {
  return new NsError('BAD_VALUE', { what: `${path} is no lab`, why: `it has more than ${MOST_BYTES} bytes` });
}

async function readTree(file: string, text: string): Promise<Tree> {
  if (text.length > MOST_BYTES) throw tooLarge(file);
  // 10 ms that other commands need not wait for.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const place = placing(file, lines);
  requireFlat(yaml, text, file);
  const document = parse(yaml, text, lines, file);
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
  ['MULTIPLE_DOCS', 'one lab a file'],
  ['MISSING_CHAR', 'what is missing: a quote, a bracket, or a space after the colon'],
  ['BAD_ALIAS', 'the value itself'],
  ['TAG_RESOLVE_FAILED', 'the value without a tag'],
]);

/** Of what the lexer says that is not in the text. */
const MARKS = new Set(['doc-mode', 'flow-error-end', 'scalar']);
const BLANK = new Set([...MARKS, 'space', 'newline', 'comment']);
const OPENING = new Set(['flow-seq-start', 'flow-map-start']);
const CLOSING = new Set(['flow-seq-end', 'flow-map-end']);
const INDICATORS = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind', 'anchor', 'tag', 'alias']);
const MOST_INDENT = 100;

/** The parser takes minutes, and all memory, for what nests thousands of times. */
function requireFlat({ Lexer, CST, LineCounter: Lines }: Yaml, text: string, file: string): void {
  const lines = new Lines();
  const place = placing(file, lines);
  let [offset, depth, inLine, parts] = [0, 0, 0, 0];
  lines.addNewLine(0);
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token) ?? '';
    if (type === 'newline') {
      inLine = 0;
      lines.addNewLine(offset + token.length);
    }
    if (OPENING.has(type)) depth += 1;
    if (CLOSING.has(type)) depth -= 1;
    // In brackets a line may have many of them.
    if (INDICATORS.has(type) && depth === 0) inLine += 1;
    const isIndented = type === 'space' && inLine === 0 && token.length > MOST_INDENT;
    if (depth > DEEPEST || inLine > DEEPEST || isIndented) throw wrong(place(offset), 'it nests too deep', NOT_SO_DEEP);
    if (!BLANK.has(type)) parts += 1;
    // A part has its comma, or its colon.
    if (parts > 2 * MOST_PARTS) throw tooMuch(place(offset));
    if (!MARKS.has(type)) offset += token.length;
  }
}

/** What nests too deep runs out of stack. */
function parse(yaml: Yaml, text: string, lineCounter: LineCounter, file: string): Document {
  try {
    return yaml.parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
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
    if (this.parts > MOST_PARTS) throw tooMuch(at);
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
      // The package compares each with all others, and numbers with words never.
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
