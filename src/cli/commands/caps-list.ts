import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { baselines } from '../../capabilities/baselines.ts';
import { parseCapabilities } from '../../capabilities/expression.ts';
import { knowledgeOf, type Risk } from '../../capabilities/knowledge.ts';
import { knownToLibcap } from '../../capabilities/libcap.ts';
import { bitsOf, formatMask } from '../../capabilities/mask.ts';
import { capabilityNames } from '../../capabilities/names.ts';
import { libcapName } from '../../capabilities/spelling.ts';
import { GapTally, isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { textOptions } from './text-options.ts';

export const capsList: CommandDefinition = {
  name: 'caps list',
  summary: 'what each capability allows and risks, and who knows it',
  operands: '[WORD]',
  arity: [0, 1],
  description: [
    'Prints for each capability its number and name, since which Linux it is there, what it allows, what it risks in a',
    'process of the initial user namespace, the baselines it is in (what engines give a container, what policies of',
    'Kubernetes let a pod add), and whether the running kernel and the libcap installed here know it.',
    'With WORD it prints a page on each capability that WORD means: a name in any spelling, a number, a list with commas',
    'as in caps encode, a baseline; else on each that has WORD in its name or in what is said of it.',
  ],
  options: [
    { long: 'json', short: 'J', help: 'as JSON' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
  ],
  examples: [
    { line: 'nstool caps list', does: 'all of them, a line each' },
    { line: 'nstool caps list NET_RAW', does: 'a page on one; 13 and cap_net_raw are the same' },
    { line: 'nstool caps list mount', does: 'those that have to do with mounting' },
    { line: 'nstool caps list docker', does: 'what docker gives a container' },
  ],
  exitStatus: [
    [0, 'printed'],
    [1, 'no capability has to do with WORD'],
    [2, 'the command line is wrong'],
  ],
  async run(invocation, context) {
    const [word] = invocation.operands;
    const { rows, gaps } = described(await context.host());
    const found = word === undefined ? rows : searched(rows, word);
    const notes = [...gaps.map(gapNote), ...(found.length === 0 ? [`no capability has to do with '${word}'`] : [])];
    const status = found.length === 0 ? 1 : 0;
    if (flag(invocation, 'json')) {
      const capabilities = found.map(rowJson);
      return {
        stdout: renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), capabilities }),
        notes,
        status,
      };
    }
    if (word !== undefined) return { stdout: found.map(page).join('\n'), notes, status };
    const options = await textOptions({ headings: !flag(invocation, 'noheadings'), truncate: true }, context);
    return { stdout: renderTable(found, columns, options), notes, status };
  },
};

interface Row {
  readonly number: number;
  readonly name: string;
  /** Absent (null), as the three below: newer than we are. */
  readonly since: string | null;
  readonly allows: string | null;
  readonly risk: Risk | null;
  readonly risks: string | null;
  readonly baselines: readonly string[];
  /** Absent (null): not told. */
  readonly kernel: boolean | null;
  /** Absent (null): libcap is not installed, or not readable. */
  readonly libcap: boolean | null;
}

/** Those that have a name, and those that the kernel has besides. */
function described(host: Host): { readonly rows: readonly Row[]; readonly gaps: readonly CountedGap[] } {
  const gaps = new GapTally();
  const all = allCapabilities(host);
  if (!all.ok) gaps.add('last capability of the kernel', all.gap);
  const libcap = knownToLibcap(host);
  // That it is not installed is no lack.
  if (!libcap.ok && libcap.gap.reason !== 'gone') gaps.add('libcap', libcap.gap);
  const known = valueOf(all);
  const names = valueOf(libcap);
  const rows = bitsOf((known ?? 0n) | ((1n << BigInt(capabilityNames.length)) - 1n)).map((number): Row => {
    const told = knowledgeOf(number);
    const isIn = (mask: bigint): boolean => ((mask >> BigInt(number)) & 1n) === 1n;
    return {
      number,
      name: libcapName(number),
      since: told?.since ?? null,
      allows: told?.allows ?? null,
      risk: told?.risk ?? null,
      risks: told?.risks ?? null,
      baselines: baselines.filter(({ mask }) => isIn(mask)).map(({ name }) => name),
      kernel: known === undefined ? null : isIn(known),
      libcap: names === undefined ? null : names.has(libcapName(number)),
    };
  });
  return { rows, gaps: gaps.list() };
}

/** A word that is a list of capabilities means these; else it is looked for. */
function searched(rows: readonly Row[], word: string): readonly Row[] {
  const known = rows.reduce((mask, { number }) => mask | (1n << BigInt(number)), 0n);
  const list = parseCapabilities(word, known, 'capability');
  if (list.ok) return rows.filter(({ number }) => ((list.mask >> BigInt(number)) & 1n) === 1n);
  const wanted = word.toLowerCase();
  return rows.filter(({ name, allows, risks }) =>
    [name, allows ?? '', risks ?? ''].some((text) => text.toLowerCase().includes(wanted)),
  );
}

function knows(flag: boolean | null): string | null {
  return flag === null ? null : flag ? 'yes' : 'no';
}

const columns: readonly Column<Row>[] = [
  { key: 'number', help: 'the bit of a mask', type: 'number', get: ({ number }) => number },
  { key: 'name', help: 'as libcap spells it', type: 'string', get: ({ name }) => name },
  { key: 'since', help: 'the first Linux with it', type: 'string', get: ({ since }) => since },
  { key: 'risk', help: 'how much it risks', type: 'string', get: ({ risk }) => risk },
  { key: 'kernel', help: 'does the running kernel know it?', type: 'string', get: ({ kernel }) => knows(kernel) },
  { key: 'libcap', help: 'does the libcap here know it?', type: 'string', get: ({ libcap }) => knows(libcap) },
  {
    key: 'baselines',
    help: 'what it is part of',
    type: 'string',
    shrinks: true,
    get: ({ baselines }) => (baselines.length === 0 ? 'none' : baselines.join(',')),
  },
  { key: 'allows', help: 'what it allows', type: 'string', shrinks: true, get: ({ allows }) => allows },
];

function rowJson(row: Row): Readonly<Record<string, string | number | boolean | null | readonly string[]>> {
  const { number, name, ...rest } = row;
  return { number, name, mask: formatMask(1n << BigInt(number)), ...rest };
}

/** Keys stand in a column of their own. */
const KEY_WIDTH = 11;

function page(row: Row): string {
  const { number, name, since, allows, risk, risks, baselines: parts, kernel, libcap } = row;
  const lines = [
    ['number', `${number}, mask ${formatMask(1n << BigInt(number))}`],
    ['since', since === null ? '-' : `Linux ${since}`],
    ['allows', allows ?? '-'],
    ['risks', risk === null ? '-' : `${risk}: ${risks}`],
    ['baselines', parts.length === 0 ? 'none' : parts.join(', ')],
    ['kernel', kernel === null ? '-' : kernel ? 'the running one knows it' : 'the running one does not know it'],
    ['libcap', libcap === null ? '-' : libcap ? 'the one here knows it' : 'the one here does not know it'],
  ];
  return `${name}\n${lines.map(([key = '', text = '']) => `  ${key.padEnd(KEY_WIDTH)}${text}\n`).join('')}`;
}
