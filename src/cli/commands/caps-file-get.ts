import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { mountPrivileges, type CapabilityFile, type CapabilityFiles } from '../../capabilities/capability-files.ts';
import { fileCapabilityText } from '../../capabilities/file-text.ts';
import { formatMask } from '../../capabilities/mask.ts';
import { viewpointOf, type NamedViewpoint } from '../../inspect/viewpoint.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Column } from '../../render/columns.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, optionValue, type CommandDefinition, type Context, type Invocation } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { lookAt, type Look, type Without } from './caps-file-look.ts';
import { verdictOn, type Verdict } from './caps-file-verdict.ts';
import { textOptions } from './text-options.ts';

export const capsFileGet: CommandDefinition = {
  name: 'caps file get',
  summary: 'the capabilities of files',
  operands: 'PATH…',
  arity: [1, Infinity],
  description: [
    'Prints for each PATH that has capabilities the line that getcap(8) prints. A symbolic link is not followed.',
    'With -r of all files below PATH: mounts below it are entered, file systems of the kernel (/proc, /sys, cgroups) are',
    'not, and said. What getcap leaves out is in -l and in the JSON: whether the mount is nosuid, whether they count for',
    'us at all, and files whose capabilities belong to another user namespace, or are none that the kernel takes.',
    'What a user namespace makes of a file depends on its rootid: --in says what TARGET would read.',
    'On a terminal, control characters in a path are escaped; in a pipe its bytes stand as they are (-0 tells them apart).',
  ],
  options: [
    { long: 'recursive', short: 'r', help: 'all files below PATH' },
    { long: 'rootid', short: 'n', help: 'with the rootid: [rootid=100000]' },
    { long: 'verbose', short: 'v', help: 'with each PATH that has none, or is no regular file' },
    { long: 'long', short: 'l', help: 'as a table: revision, rootid, nosuid, and whether they count' },
    { long: 'null', short: '0', help: 'PATH, a zero byte, its capabilities, a zero byte' },
    { long: 'in', value: 'TARGET', help: 'as the user namespace of this process, or this one, would read it' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool caps file get -r /usr', does: 'all programs of /usr that have some' },
    { line: 'nstool caps file get -l --in 4913 FILE', does: 'what they are to a process in a container' },
    { line: 'nstool caps file get -r0 /srv', does: 'for xargs -0 -n2, whatever bytes are in a name' },
  ],
  exitStatus: [
    [0, 'looked; what could not be read is named'],
    [2, 'the command line is wrong'],
    [3, 'no such PATH or TARGET'],
    [4, 'PATH, or TARGET, is closed to us'],
  ],
  async run(invocation, context) {
    requireOneForm(invocation);
    const host = await context.host();
    const word = optionValue(invocation, 'in');
    const viewpoint = viewpointOf(host, word);
    const mounts = mountPrivileges(host, viewpoint.pid === null ? ['self'] : ['self', viewpoint.pid]);
    const look = lookAt(host, invocation.operands, flag(invocation, 'recursive'), mounts, await context.progress());
    const all = valueOf(allCapabilities(host)) ?? 0n;
    const rows = look.entries.map((entry) => ('isFile' in entry ? entry : rowOf(entry, viewpoint, all)));
    const found = rows.filter((row) => 'text' in row);
    const gaps = look.gaps.list();
    const stdout = flag(invocation, 'json')
      ? json(rows, look, viewpoint)
      : flag(invocation, 'long')
        ? await table(found, context)
        : lines(rows, invocation, context);
    const notes = [...gaps.map(gapNote), ...look.skipped.map(skippedNote), ...notesOn(found)];
    const [error, ...errors] = look.errors;
    for (const { facts } of errors) notes.push(`${facts.what}${facts.why === undefined ? '' : `: ${facts.why}`}`);
    return { stdout, notes, ...(error === undefined ? { status: 0 } : { error, status: errorStatus(error) }) };
  },
};

/** Errors: USAGE. */
function requireOneForm(invocation: Invocation): void {
  const forms = ['long', 'null', 'json'].filter((long) => flag(invocation, long));
  if (forms.length > 1)
    throw new NsError('USAGE', { what: `--${forms[0]} and --${forms[1]} do not go together`, tryThis: 'one of them' });
}

interface Row extends Verdict {
  readonly path: string;
  readonly text: string | null;
  readonly nosuid: boolean | null;
}

function rowOf({ path, attribute, mount }: CapabilityFile, viewpoint: NamedViewpoint, all: bigint): Row {
  const verdict = verdictOn(attribute, mount, viewpoint);
  const nosuid = mount === 'suid' ? false : mount === 'nosuid' ? true : null;
  const { capabilities } = verdict;
  return { path, nosuid, ...verdict, text: capabilities === null ? null : fileCapabilityText(capabilities, all) };
}

/** As getcap prints them: what has no text has no line. */
function lines(rows: readonly (Row | Without)[], invocation: Invocation, context: Context): string {
  const [between, end] = flag(invocation, 'null') ? ['\0', '\0'] : [' ', '\n'];
  const shown = context.stdout.isTerminal && end === '\n' ? escapeControls : (path: string): string => path;
  return rows
    .map((row) => {
      const text = 'isFile' in row ? withoutText(row, between, invocation) : textOf(row, between, invocation);
      return text === undefined ? '' : `${shown(row.path)}${text}${end}`;
    })
    .join('');
}

function textOf({ text, capabilities }: Row, between: string, invocation: Invocation): string | undefined {
  if (text === null || capabilities === null) return undefined;
  const { rootid } = capabilities;
  return `${between}${text}${flag(invocation, 'rootid') && rootid !== 0 ? ` [rootid=${rootid}]` : ''}`;
}

function withoutText({ isFile }: Without, between: string, invocation: Invocation): string | undefined {
  if (!flag(invocation, 'verbose')) return undefined;
  if (between === '\0') return between;
  return isFile ? '' : ' (Not a regular file)';
}

const columns: readonly Column<Row>[] = [
  { key: 'path', type: 'string', help: 'the file', get: (row) => row.path },
  { key: 'capabilities', type: 'string', help: 'as text', get: (row) => row.text },
  { key: 'rev', type: 'number', help: 'revision', get: (row) => row.capabilities?.revision ?? null },
  { key: 'rootid', type: 'number', help: 'who is root there', get: (row) => row.capabilities?.rootid ?? null },
  { key: 'nosuid', type: 'string', help: 'mount', get: (row) => yesNo(row.nosuid) },
  { key: 'counts', type: 'string', help: 'for us', get: (row) => yesNo(row.counts) },
  { key: 'why', type: 'string', help: 'why not', get: (row) => row.why },
];

function yesNo(flag: boolean | null): string | null {
  return flag === null ? null : flag ? 'yes' : 'no';
}

async function table(rows: readonly Row[], context: Context): Promise<string> {
  return renderTable(rows, columns, await textOptions({ headings: true, truncate: false }, context));
}

function json(rows: readonly (Row | Without)[], look: Look, viewpoint: NamedViewpoint): string {
  const gaps = look.gaps.list();
  const failed = look.errors.length > 0;
  const all = [...gaps.map(gapJson), ...look.errors.map(operandGap)];
  return renderJson({
    schema: 1,
    complete: isComplete(gaps) && !failed,
    gaps: all,
    user_namespace: viewpoint.inode,
    asked: look.asked,
    files: rows.flatMap((row) => ('text' in row ? [rowJson(row)] : [])),
    without: rows.flatMap((row) => ('isFile' in row ? [row.path] : [])),
    skipped: look.skipped.map(({ path, fileSystem }) => ({ path, file_system: fileSystem })),
  });
}

/** An operand that could not be looked at. */
function operandGap({ code, facts }: NsError): Json {
  const reason = code === 'DENIED' ? 'denied' : 'unsupported';
  const errno = /\b(E[A-Z0-9]{3,})\b/.exec(facts.why ?? '')?.[1] ?? null;
  return { subject: 'operand', reason, errno, count: 1, examples: [facts.what], detail: null };
}

function rowJson({ path, text, capabilities, nosuid, counts, why }: Row): Json {
  return {
    path,
    capabilities: text,
    permitted: capabilities === null ? null : formatMask(capabilities.permitted),
    inheritable: capabilities === null ? null : formatMask(capabilities.inheritable),
    effective: capabilities?.effective ?? null,
    revision: capabilities?.revision ?? null,
    rootid: capabilities?.rootid ?? null,
    nosuid,
    counts,
    why,
  };
}

function skippedNote({ path, fileSystem }: CapabilityFiles['skipped'][number]): string {
  return `${path}: not entered (${fileSystem}: no file of it has capabilities)`;
}

/** What the lines of getcap do not say. */
function notesOn(rows: readonly Row[]): readonly string[] {
  const untold = new Map<string, string[]>();
  for (const { path, text, why } of rows) {
    if (text !== null || why === null) continue;
    const known = untold.get(why);
    if (known === undefined) untold.set(why, [path]);
    else known.push(path);
  }
  const notes = [...untold].map(([why, [first, ...more]]) => {
    return `${first}${more.length === 0 ? '' : ` and ${more.length} more`}: ${why}`;
  });
  const idle = rows.filter(({ text, counts }) => text !== null && counts === false).length;
  if (idle > 0) notes.push(`those of ${idle} ${idle === 1 ? 'file' : 'files'} count nothing here: -l says why`);
  return notes;
}
