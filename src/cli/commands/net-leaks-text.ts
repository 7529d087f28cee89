// What `net leaks` prints: a paragraph for each leak, but one for all stale names that look alike, and one for a network of
// CNI, with a command for each of its containers. A node that was started again can have hundreds of both.

import type { Leak, LeakKind, LeftBy } from '../../inspect/network/leaks/leak.ts';
import { escapeControls } from '../../render/escape.ts';
import { quotedVisibly } from '../shell-quoting.ts';

/** What one line of a command should hold. */
const MOST_NAMES = 50;

export function leaksText(leaks: readonly Leak[]): string {
  const groups = new Map<string, Leak[]>();
  for (const [index, leak] of leaks.entries()) {
    const key = groupOf(leak) ?? String(index);
    const before = groups.get(key);
    if (before === undefined) groups.set(key, [leak]);
    else before.push(leak);
  }
  return [...groups.values()].flatMap(paragraphs).join('\n');
}

/** undefined: it stands alone. */
function groupOf({ kind, of, isCertain, evidence, remove }: Leak): string | undefined {
  if (of !== undefined) return JSON.stringify(['cni', of.network]);
  return kind === 'name' && isRm(remove) ? JSON.stringify(['name', isCertain, evidence]) : undefined;
}

function isRm(remove: readonly string[]): boolean {
  return remove.slice(0, 3).join(' ') === RM.join(' ');
}

const RM = ['nstool', 'net', 'rm'];

function paragraphs(group: readonly Leak[]): readonly string[] {
  const [first] = group;
  if (first === undefined) return [];
  if (group.length === 1) return [leakText(first)];
  if (first.of !== undefined) return [networkText(first.of.network, group)];
  const starts = Array.from({ length: Math.ceil(group.length / MOST_NAMES) }, (_, index) => index * MOST_NAMES);
  return starts.map((start) => namesText(group.slice(start, start + MOST_NAMES)));
}

function leakText({ kind, what, isCertain, evidence, remove }: Leak): string {
  return lines([
    `${kind.padEnd(8)} ${escapeControls(what)}${possible(isCertain)}`,
    ...evidence.map((one) => `  ${escapeControls(one)}`),
    `  remove: ${commandText(remove)}`,
  ]);
}

function namesText(names: readonly Leak[]): string {
  const [{ isCertain, evidence } = { isCertain: false, evidence: [] }] = names;
  const words = names.map(({ remove }) => remove.at(-1) ?? '');
  const dashes = words.some((word) => word.startsWith('-')) ? ['--'] : [];
  return lines([
    `name     ${names.length} names in /run/netns${possible(isCertain)}`,
    ...evidence.map((one) => `  ${escapeControls(one)}`),
    `  remove: ${commandText([...RM, ...dashes, ...words])}`,
  ]);
}

function networkText(network: string, leaks: readonly Leak[]): string {
  const containers = byContainer(leaks);
  const count = containers.size === 1 ? 'a container that is' : `${containers.size} containers that are`;
  // The first sentence is about one of them only.
  const shared = new Set(leaks.flatMap(({ evidence }) => evidence.slice(1)));
  return lines([
    `cni      ${count} no more, in the network ${escapeControls(network)}`,
    ...[...shared].map((one) => `  ${escapeControls(one)}`),
    ...[...containers].flatMap(([container, own]) => containerLines(container, own)),
  ]);
}

function byContainer(leaks: readonly Leak[]): ReadonlyMap<string, readonly Leak[]> {
  const found = new Map<string, Leak[]>();
  for (const leak of leaks) {
    const id = leak.of?.container ?? '';
    const before = found.get(id);
    if (before === undefined) found.set(id, [leak]);
    else before.push(leak);
  }
  return found;
}

function containerLines(container: string, leaks: readonly Leak[]): readonly string[] {
  const addresses = leaks.flatMap(({ kind, what, of }) => (kind === 'address' ? [`${what}${onLink(of)}`] : []));
  const things = [...addresses, ...counted(leaks, 'result', 'results'), ...counted(leaks, 'rule', 'rules')];
  const isCertain = leaks.every((leak) => leak.isCertain);
  const files = leaks.flatMap(({ remove: [program, path = ''] }) => (program === 'rm' ? [path] : []));
  const others = leaks.flatMap(({ remove }) => (remove[0] === 'rm' ? [] : [remove]));
  const commands = [...(files.length === 0 ? [] : [['rm', ...files]]), ...others];
  return [
    `  ${escapeControls(`${container}: ${things.join(', ')}`)}${possible(isCertain)}`,
    `    remove: ${commands.map(commandText).join(' && ')}`,
  ];
}

function onLink(of: LeftBy | undefined): string {
  return of?.link === null || of === undefined ? '' : ` on ${of.link}`;
}

function counted(leaks: readonly Leak[], kind: LeakKind, many: string): readonly string[] {
  const { length } = leaks.filter((leak) => leak.kind === kind);
  if (length === 0) return [];
  return [length === 1 ? `a ${kind}` : `${length} ${many}`];
}

function possible(isCertain: boolean): string {
  return isCertain ? '' : ' (possible)';
}

function commandText(words: readonly string[]): string {
  return words.map(quotedVisibly).join(' ');
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
