import {
  networkName,
  networkNames,
  networkPath,
  requireFileName,
  type NetworkName,
} from '../../inspect/network-names.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Gap, type Host } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';
import type { ReleasePlan } from '../../kernel/release.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { countHolders, holdersOf } from '../../namespaces/holders.ts';
import type { Holder } from '../../namespaces/holder.ts';
import type { CommandDefinition, Context } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { kindsFor } from './holders.ts';
import { quotedVisibly } from '../shell-quoting.ts';
import { requireThisMachine } from './this-machine.ts';

export const netRm: CommandDefinition = {
  name: 'net rm',
  summary: 'take names of network namespaces away, and say who is still inside',
  operands: 'NAME…',
  arity: [1, Infinity],
  description: [
    'Takes each NAME in /run/netns away, as `ip netns delete` does: the namespace ends unless something else keeps it. Then',
    'that is told: the processes that are still in it, sockets, descriptors, other names and mounts. Nothing of it is',
    'ended. A stale name, an empty file with no namespace behind it, is removed too. What is in /etc/netns/NAME stays.',
  ],
  options: [],
  examples: [
    { line: 'nstool net rm blue', does: 'gone, or who keeps it' },
    { line: 'nstool net rm blue red', does: 'both' },
  ],
  exitStatus: [
    [0, 'the names are gone; a namespace may live on, which is told'],
    [2, 'the command line is wrong, or NAME is no name of a network; nothing was changed'],
    [3, 'no such NAME; nothing was changed'],
    [4, 'the kernel refused'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    requireOwnProc(host);
    const names = [...new Set(invocation.operands)].map((name) => requireName(host, name));
    const removed: Removed[] = [];
    for (const name of names) {
      const plan = planOf(host, name);
      const failure = await remove(plan, context);
      if (failure !== undefined) {
        const error = errorOf(name, failure);
        const left = names.length - removed.length - 1;
        const others = left === 0 ? [] : [`${left} ${left === 1 ? 'name was' : 'names were'} left as they were`];
        return { stdout: '', notes: [...notesOf(host, removed), ...others], error, status: errorStatus(error) };
      }
      removed.push({ name, plan });
    }
    return { stdout: '', notes: notesOf(host, removed), status: 0 };
  },
};

interface Removed {
  readonly name: NetworkName;
  readonly plan: ReleasePlan;
}

function requireName(host: Host, word: string): NetworkName {
  requireFileName(word);
  const found = networkName(host, word);
  if (found !== undefined) return found;
  const status = host.stat(networkPath(word));
  if (!status.ok && status.gap.reason !== 'gone') throw errorOfGap(status.gap, `cannot look at ${networkPath(word)}`);
  throw new NsError('NO_FILE', {
    what: `no network is called '${word}'`,
    why: `there is no ${networkPath(word)}`,
    near: { word, known: new Map(networkNames(host).names.map(({ name }) => [name, name])) },
  });
}

/** A link is a name, too, and is not followed. */
function planOf(host: Host, { name, path, inode }: NetworkName): ReleasePlan {
  const link = valueOf(host.readLink(path)) ?? null;
  const id = inode === null ? null : (valueOf(host.askNamespace(path, ['NS_GET_ID'])) ?? null);
  const remove = { op: 'remove', path, link, reason: `the file of the name ${name}` } as const;
  const unmount = { op: 'unmount', path, within: null, reason: 'it is mounted there' } as const;
  return {
    namespace: { kind: 'net', inode: inode ?? 0n, id },
    operations: inode === null || link !== null ? [remove] : [unmount, remove],
  };
}

/** undefined: it is gone. */
async function remove(plan: ReleasePlan, context: Context): Promise<Gap | undefined> {
  const outcomes = await context.release(plan);
  const failed = outcomes.find(({ type }) => type === 'failed');
  return failed?.type === 'failed' ? failed.gap : undefined;
}

function errorOf({ name, path }: NetworkName, gap: Gap): NsError {
  const what = `cannot take the name '${name}' away`;
  if (gap.reason === 'unsupported' && gap.errno === undefined) {
    const why = `${path} is no empty file, as a name without a namespace is: it may be somebody's`;
    return new NsError('BAD_VALUE', { what, why, tryThis: `rm -d ${quotedVisibly(path)}, if it is not` });
  }
  if (gap.errno !== 'EPERM' && gap.errno !== 'EACCES') return errorOfGap(gap, what);
  return new NsError('DENIED', {
    what,
    why: `${gap.what}: ${gap.errno}; it takes CAP_SYS_ADMIN in our mount namespace, and the right to write in /run/netns`,
    tryThis: 'as root',
  });
}

/** One look for all of them. An inode may be another namespace's by now. */
function notesOf(host: Host, removed: readonly Removed[]): readonly string[] {
  if (removed.length === 0) return [];
  const hasNamespace = removed.some(({ name }) => name.inode !== null);
  const scan = hasNamespace ? discoverNamespaces(host, kindsFor({ kind: 'net' }), { deep: true }) : undefined;
  return removed.flatMap(({ name: { name, inode }, plan }) => {
    const files = host.stat(`/etc/netns/${name}`).ok ? [`/etc/netns/${name} stays`] : [];
    if (inode === null) return [`${name} was stale: there was no namespace behind it`, ...files];
    const found = scan?.namespaces.get(`net:[${inode}]`);
    const id = found?.id ?? plan.namespace.id;
    if (scan === undefined || found === undefined || id !== plan.namespace.id) return files;
    return [`net:[${inode}] lives on without the name ${name}: ${keepers(host, holdersOf(scan, found))}`, ...files];
  });
}

const MOST_SHOWN = 5;

function keepers(host: Host, holders: readonly Holder[]): string {
  const processes = holders.flatMap((holder) => (holder.type === 'process' ? [holder.pid] : []));
  const shown = processes.slice(0, MOST_SHOWN).map((pid) => {
    const command = valueOf(statOf(host, pid))?.comm;
    return command === undefined ? `${pid}` : `${pid} (${command})`;
  });
  const more = processes.length > MOST_SHOWN ? `, and ${processes.length - MOST_SHOWN} more` : '';
  const names = holders.flatMap((holder) => (holder.type === 'name' ? [`the name ${holder.path}`] : []));
  const others = countHolders(holders.filter(({ type }) => type !== 'process' && type !== 'name'));
  const inside = processes.length === 0 ? [] : [`process ${shown.join(', ')}${more} in it`];
  const kept = [...inside, ...names, ...others];
  return kept.length === 0 ? 'it was not found what keeps it' : kept.join('; ');
}
