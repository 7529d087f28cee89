// From the options of `ls` to a query.

import { isNamespaceKind, namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { parsePid, parseTarget } from '../../inspect/target.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import type { Fact } from '../../namespaces/rows.ts';
import { selectColumns } from '../../render/columns.ts';
import { flag, optionValue, type Invocation } from '../define-command.ts';
import { nearest } from '../nearest.ts';
import { splitRecorded } from '../recorded-target.ts';
import { lsColumns, type LsColumn } from './ls-columns.ts';

export interface NamespaceName {
  readonly inode: bigint;
  readonly kind?: NamespaceKind;
}

export interface LsQuery {
  readonly kinds: ReadonlySet<NamespaceKind>;
  /** List the processes of this one. */
  readonly namespace: NamespaceName | undefined;
  readonly task: number | 'self' | undefined;
  readonly columns: readonly LsColumn[];
  readonly format: 'text' | 'raw' | 'json';
  readonly flat: boolean;
  readonly headings: boolean;
  readonly truncate: boolean;
  /** The recorded host that a target named. */
  readonly recording: string | undefined;
}

/** Errors: USAGE, BAD_VALUE. */
export function lsQuery(invocation: Invocation): LsQuery {
  const { operands } = invocation;
  const task = splitRecorded(optionValue(invocation, 'task'));
  const operand = splitRecorded(operands[0]);
  if (task !== undefined && operand !== undefined) {
    throw new NsError('USAGE', { what: '--task and NAMESPACE exclude each other', tryThis: 'nstool help ls' });
  }
  const json = flag(invocation, 'json');
  if (json && flag(invocation, 'raw')) throw new NsError('USAGE', { what: '--json and --raw exclude each other' });
  const types = typesOf(invocation);
  const recording = task?.recording ?? operand?.recording;
  const namespace = operand === undefined ? undefined : namespaceName(operand.word);
  return {
    kinds: new Set(types ?? namespaceKinds.map((entry) => entry.kind)),
    columns: columnsOf(invocation, namespace !== undefined, types?.includes('net') === true),
    format: json ? 'json' : flag(invocation, 'raw') ? 'raw' : 'text',
    flat: flag(invocation, 'list'),
    headings: !flag(invocation, 'noheadings'),
    truncate: !flag(invocation, 'notruncate'),
    namespace,
    task: task === undefined ? undefined : parsePid(task.word),
    recording,
  };
}

function namespaceName(word: string): NamespaceName {
  const target = parseTarget(word);
  if (target.type === 'namespace') return target;
  // A small number is an inode here: there is nothing else that it could be.
  if (target.type === 'process' && target.pid !== 'self') return { inode: BigInt(target.pid) };
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is no namespace`,
    why: 'a namespace is its inode: 4026532177, net:4026532177 or net:[4026532177]',
    tryThis: 'nstool ls',
  });
}

function typesOf(invocation: Invocation): readonly NamespaceKind[] | undefined {
  const words = invocation.options.get('type')?.flatMap((list) => list.split(','));
  return words?.map((word) => {
    if (isNamespaceKind(word)) return word;
    const kinds = namespaceKinds.map((entry) => entry.kind);
    const meant = nearest(word, kinds);
    throw new NsError('BAD_VALUE', {
      what: `unknown namespace type '${word}'`,
      why: meant === undefined ? `the types are ${kinds.join(', ')}` : `did you mean ${meant}?`,
    });
  });
}

function columnsOf(invocation: Invocation, ofProcesses: boolean, netAsked: boolean): readonly LsColumn[] {
  if (flag(invocation, 'output-all')) return lsColumns;
  const defaults = ofProcesses
    ? ['pid', 'ppid', 'user', 'command']
    : ['ns', 'type', 'nprocs', 'pid', 'user', ...(netAsked ? ['netnsid', 'nsfs'] : []), 'command'];
  const selection = selectColumns(lsColumns, defaults, optionValue(invocation, 'output'));
  if (selection.ok) return selection.columns;
  const names = lsColumns.map((entry) => entry.key.toUpperCase());
  const meant = nearest(selection.unknown, names);
  throw new NsError('BAD_VALUE', {
    what: `unknown column '${selection.unknown}'`,
    why: meant === undefined ? `the columns are ${names.join(', ')}` : `did you mean ${meant}?`,
    tryThis: 'nstool ls --list-columns',
  });
}

/** The facts that the columns need, and the tree: it hangs rows below their process's parent. */
export function factsOf(query: LsQuery, tree: boolean): ReadonlySet<Fact> {
  const facts = new Set(query.columns.flatMap((column) => column.fact ?? []));
  if (tree) facts.add('ppid');
  return facts;
}

/** The links of one process. Errors: NO_PROCESS, DENIED. */
export function linksOfProcess(
  host: Host,
  task: number | 'self',
  kinds: ReadonlySet<NamespaceKind>,
): ReadonlySet<string> {
  const links = new Set<string>();
  for (const kind of kinds) {
    const link = host.readLink(`/proc/${task}/ns/${kind}`);
    if (link.ok) links.add(link.value);
    else if (link.gap.reason !== 'gone') throw errorOfGap(link.gap, `cannot read the namespaces of process ${task}`);
  }
  if (links.size === 0 && !host.stat(`/proc/${task}`).ok) {
    throw new NsError('NO_PROCESS', { what: `no process ${task}`, why: `/proc/${task} does not exist` });
  }
  return links;
}

/** Errors: NO_NAMESPACE. */
export function findNamespace(scan: Scan, name: NamespaceName): Namespace {
  for (const namespace of scan.namespaces.values()) {
    if (namespace.inode === name.inode && (name.kind ?? namespace.kind) === namespace.kind) return namespace;
  }
  const shown = name.kind === undefined ? String(name.inode) : `${name.kind}:[${name.inode}]`;
  throw new NsError('NO_NAMESPACE', {
    what: `no namespace ${shown}`,
    why: 'no process that can be seen is in it, and it is mounted nowhere',
    tryThis: 'nstool ls',
  });
}
