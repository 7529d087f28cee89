import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import {
  idKinds,
  idRows,
  targetIds,
  translate,
  type AskedId,
  type IdKind,
  type IdRow,
  type TargetIds,
  type Translation,
  type Unmapped,
} from '../../inspect/ids.ts';
import type { MapProblem } from '../../inspect/map-problems.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';

export const ids: CommandDefinition = {
  name: 'ids',
  summary: 'uids, gids and pids of a target, and what they are here',
  operands: 'TARGET [ID…]',
  arity: [1, Infinity],
  description: [
    'Prints the maps of a process, a user namespace or a pid namespace: COUNT ids from INSIDE on, in the target, are',
    'those from HERE on in the namespace that nstool runs in. Pids of our own pid namespace are the same and not listed.',
    'With ID (uid:0, gid:5, pid:1) it prints that one both ways: taken for an id inside, and for one from here. Who',
    'has an id here that is not mapped is shown inside as the overflow id, /proc/sys/kernel/overflowuid.',
    'What is wrong with a map is said on standard error, and in the JSON.',
  ],
  options: [
    { long: 'json', short: 'J', help: 'as JSON, with the problems and the gaps' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
  ],
  examples: [
    { line: 'nstool ids self', does: 'the maps of our own namespaces' },
    { line: 'nstool ids container:web', does: 'all maps of a container' },
    { line: 'nstool ids 4913 uid:0 pid:1', does: 'who is root there, who is its first process' },
  ],
  exitStatus: [
    [0, 'printed; what could not be read is named'],
    [1, 'an ID is mapped neither way'],
    [2, 'the command line is wrong, or TARGET has no such ids'],
    [3, 'no such process or namespace'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const [word = '', ...words] = invocation.operands;
    const asked = words.map(parseId);
    const { word: name, recording } = splitRecorded(word);
    const host = await context.host(recording);
    requireOwnProc(host);
    const kinds = new Set<IdKind>(asked.length === 0 ? idKinds : asked.map(({ kind }) => kind));
    const found = targetIds(host, resolveTarget(host, name), kinds);
    const translations = asked.length === 0 ? undefined : translate(host, found, asked);
    const notes = [...found.gaps.map(gapNote), ...problemsSaid(found, translations).map(problemText)];
    const stdout = flag(invocation, 'json')
      ? json(found, translations)
      : await text(found, translations, !flag(invocation, 'noheadings'), context);
    return { stdout, notes, status: translations !== undefined && hasStranger(translations) ? 1 : 0 };
  },
};

const LAST_ID = 0xffff_fffe;

/** Errors: BAD_VALUE. */
function parseId(word: string): AskedId {
  const [, kind, digits] = /^([a-z]+):([0-9]+)$/.exec(word) ?? [];
  const known = idKinds.find((each) => each === kind);
  const id = parseDecimal(digits);
  if (known !== undefined && id !== undefined && id <= LAST_ID) return { kind: known, id };
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is no id`,
    why: 'an id is uid:N, gid:N or pid:N, and a number below 4294967295',
    tryThis: 'nstool ids self uid:0',
  });
}

/** Is one of the ids mapped neither way? The two ways stand side by side. */
function hasStranger(translations: readonly Translation[]): boolean {
  return translations.some(
    ({ unmapped }, index) => index % 2 === 0 && unmapped !== null && translations[index + 1]?.unmapped !== null,
  );
}

/** Who asks for one id is not told of the others. */
function problemsSaid(
  { problems }: TargetIds,
  translations: readonly Translation[] | undefined,
): readonly MapProblem[] {
  return translations === undefined ? problems : [];
}

function problemText(problem: MapProblem): string {
  switch (problem.code) {
    case 'unwritten':
      return `the ${problem.kind} map is not written: every ${problem.kind} inside is the overflow id`;
    case 'setgroups_allowed':
      return 'setgroups is allowed: only who has CAP_SETGID outside can write the gid map; others must deny it first';
    case 'setgroups_denied':
      return 'setgroups is denied: programs inside that drop or set supplementary groups fail (EPERM)';
    case 'overlap':
      return `the ${problem.kind} map cannot work: ${problem.kind} ${problem.id} ${problem.side} is in two ranges`;
    case 'root_inside':
      return `${problem.kind} 0 here is ${problem.kind} ${problem.id} inside`;
  }
}

const whys: Record<Unmapped, string> = {
  no_such_id: 'not mapped: nobody inside can have it (EINVAL)',
  overflow: 'not mapped: shown inside as the overflow id',
  no_such_process: 'no process that we see has it there',
  not_in_namespace: 'no process of that pid namespace: it has no number there',
  unknown: 'not told',
};

const rangeColumns: readonly Column<IdRow>[] = [
  { key: 'kind', help: 'uid, gid or pid', type: 'string', get: (row) => row.kind },
  { key: 'inside', help: 'the first id in the target', type: 'number', get: (row) => row.inside },
  { key: 'here', help: 'what it is here', type: 'number', get: (row) => row.here },
  { key: 'count', help: 'how many ids follow each other on both sides', type: 'number', get: (row) => row.count },
];

const translationColumns: readonly Column<Translation>[] = [
  { key: 'kind', help: 'uid, gid or pid', type: 'string', get: (row) => row.kind },
  { key: 'id', help: 'the id that was asked for', type: 'number', get: (row) => row.id },
  { key: 'from', help: 'the side it was taken for', type: 'string', get: (row) => row.from },
  { key: 'to', help: 'the id on the other side', type: 'number', get: (row) => row.to },
  {
    key: 'why',
    help: 'why it has none, or the overflow id',
    type: 'string',
    shrinks: true,
    get: ({ unmapped }) => (unmapped === null ? null : whys[unmapped]),
  },
];

async function text(
  found: TargetIds,
  translations: readonly Translation[] | undefined,
  headings: boolean,
  context: Context,
): Promise<string> {
  const width = context.stdout.columns();
  const style = context.stdout.color ? { styleHeading: (await context.theme(context.stdout)).heading } : {};
  const options = { headings, ...style, ...(width === undefined ? {} : { width }) };
  if (translations !== undefined) return renderTable(translations, translationColumns, options);
  return renderTable(idRows(found), rangeColumns, options);
}

function json(found: TargetIds, translations: readonly Translation[] | undefined): string {
  const { pid, user, pids, problems, gaps } = found;
  const answer: Record<string, Json> =
    translations === undefined
      ? { maps: idRows(found).map((row) => rowJson(row, rangeColumns)) }
      : {
          ids: translations.map(({ kind, id, from, to, unmapped }) => ({
            kind,
            id,
            from,
            to,
            mapped: unmapped === null,
            why: unmapped,
          })),
        };
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    pid,
    user_namespace: user === null ? null : { ns: user.inode, relation: user.relation, setgroups: user.setgroups },
    pid_namespace: pids === null ? null : { ns: pids.inode, relation: pids.relation },
    problems: problems.map((problem) => ({ ...problem, text: problemText(problem) })),
    ...answer,
  });
}
