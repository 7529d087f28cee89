import { GapTally, isComplete } from '../../kernel/gap-tally.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { decodeLab } from '../../network/lab-memory.ts';
import { labId, type Lab } from '../../network/lab.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, optionValue, type CommandDefinition, type Context, type Invocation } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { readLabFile } from '../lab-file.ts';
import { labFromFile, nameOf } from './net-file.ts';
import { testLab, type Tested } from './net-test-run.ts';
import { secondsOf } from './seconds-option.ts';
import { requireThisMachine } from './this-machine.ts';

const columns: readonly Column<Tested>[] = [
  {
    key: 'state',
    type: 'string',
    help: 'passed, failed, or unknown: it could not be tried',
    get: ({ state }) => state,
  },
  { key: 'expect', type: 'string', help: 'what was expected, as it is written', get: ({ text }) => text },
  { key: 'told', type: 'string', help: 'what happened', shrinks: true, get: ({ told }) => told },
];

export const netTest: CommandDefinition = {
  name: 'net test',
  summary: 'does a lab do what its file expects: who reaches whom, and who does not',
  operands: '[NAME]',
  arity: [0, 1],
  description: [
    'Tries what the lab NAME, which stands, is expected to do (`expect:` of its file; without NAME the one lab that expects',
    'something): one ICMP echo for reach, one TCP connection for port, one question to the name servers for name, an echo of',
    'that size that nobody may cut for mtu. Each is sent from inside the namespace. What is expected is tried again until',
    'the time is over, as a program may need a moment to listen; of what is not expected an answer is a failure at once.',
    'With --file the expectations are those of the file, also where the lab was made by an older one.',
  ],
  options: [
    {
      long: 'file',
      short: 'f',
      value: 'FILE',
      help: 'the lab of this file, with what it expects now; - is standard input',
    },
    { long: 'timeout', value: 'SECONDS', help: 'how long to wait for what is expected (3)' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool net test', does: 'of the one lab that stands' },
    { line: 'nstool net up -f lab.yaml && nstool net test -f lab.yaml', does: 'make it and test it' },
  ],
  exitStatus: [
    [0, 'all is as expected'],
    [1, 'something is not, or could not be tried'],
    [2, 'the command line or the file is wrong'],
    [3, 'no such lab stands'],
    [4, 'the journal is closed to us'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const timeout = secondsOf(invocation, 'timeout') ?? DEFAULT_MS;
    const host = await context.host();
    const lab = await labOf(invocation, context, host);
    const { expect = [] } = lab;
    const tested = await testLab(host, context, lab, timeout);
    const tally = new GapTally();
    for (const { gap } of tested) if (gap !== null) tally.add('probe', gap);
    const gaps = tally.list();
    const status = tested.every(({ state }) => state === 'passed') ? 0 : 1;
    const failed = tested.filter(({ state }) => state !== 'passed').length;
    const notes = [
      ...gaps.map(gapNote),
      ...(expect.length === 0 ? [`nothing is expected of ${lab.name}`] : []),
      ...(failed === 0 ? [] : [`${failed} of ${expect.length} are not as expected`]),
    ];
    if (flag(invocation, 'json')) {
      const rows = tested.map((row) => ({ ...rowJson(row, columns), ...answerJson(row) }));
      const facts = { schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), name: lab.name };
      return { stdout: renderJson({ ...facts, expectations: rows }), notes, status };
    }
    return { stdout: renderTable(tested, columns, { headings: true }), notes, status };
  },
};

/** Unit: milliseconds. */
const DEFAULT_MS = 3000;

function answerJson({ expectation, answer }: Tested): Record<string, Json> {
  const { from, kind, isNot } = expectation;
  return {
    from,
    kind,
    not: isNot,
    answer:
      answer === null
        ? null
        : { state: answer.state, from: answer.from, rtt_ms: answer.rtt, errno: answer.errno, mtu: answer.mtu },
  };
}

async function labOf(invocation: Invocation, context: Context, host: Host): Promise<Lab> {
  const entries = (await context.journal()).list().entries.filter(({ kept }) => kept);
  const path = optionValue(invocation, 'file');
  const [operand] = invocation.operands;
  if (path !== undefined) {
    const file = await readLabFile(path, context);
    const name = nameOf(file, path, operand);
    const standing = standingLab(entries, name, `nstool net up -f ${path}`);
    return { ...labFromFile(host, file, name, standing), ...(file.expect.length === 0 ? { expect: [] } : {}) };
  }
  if (operand !== undefined) {
    const lab = decodeLab(standingLab(entries, operand, 'nstool net up').note);
    if (lab !== undefined) return lab;
  }
  const labs = entries.flatMap(({ note }) => decodeLab(note) ?? []).filter(({ expect = [] }) => expect.length > 0);
  const [only] = labs;
  if (only !== undefined && labs.length === 1) return only;
  throw new NsError('USAGE', {
    what: only === undefined ? 'no lab that expects something stands' : 'more than one lab expects something',
    ...(only === undefined ? {} : { why: labs.map(({ name }) => name).join(', ') }),
    tryThis: only === undefined ? 'nstool net up -f lab.yaml, with expect: in it' : `nstool net test ${only.name}`,
  });
}

/** Errors: NO_NAMESPACE. */
function standingLab(entries: readonly JournalEntry[], name: string, tryThis: string): JournalEntry {
  const found = entries.find(({ id }) => id === labId(name));
  if (found !== undefined) return found;
  throw new NsError('NO_NAMESPACE', { what: `no lab '${name}' stands`, tryThis });
}
