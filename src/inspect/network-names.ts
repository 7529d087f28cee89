// Names of network namespaces, as ip-netns(8) gives them: which there are, which a namespace has, which cannot be one.
//
// A name is a file in /run/netns that the namespace is mounted on, or a link to one. An empty file with nothing mounted
// on it is what is left of a name: of a reboot of the container that has the folder, of a program that was killed.

import { NsError } from '../kernel/error.ts';
import { value, valueOf, type Gap, type Host, type Reading } from '../kernel/host.ts';
import { NAME_FOLDERS } from '../namespaces/discover/names.ts';
import { NETNS_FOLDER } from './known-names.ts';
import { parseTarget } from './target.ts';
import { resolveTarget, type NamespaceTarget } from './resolve-target.ts';

export interface NetworkName {
  readonly name: string;
  readonly path: string;
  /** null: it is stale, there is no namespace behind it. */
  readonly inode: bigint | null;
}

export interface NetworkNames {
  /** By name. */
  readonly names: readonly NetworkName[];
  readonly gaps: readonly Gap[];
}

/** All of a folder; none where there is no such folder. */
export function networkNames(host: Host, folder: string = NETNS_FOLDER): NetworkNames {
  const entries = host.readDirectory(folder);
  if (!entries.ok) return { names: [], gaps: entries.gap.reason === 'gone' ? [] : [entries.gap] };
  const names: NetworkName[] = [];
  const gaps: Gap[] = [];
  for (const entry of entries.value.toSorted()) {
    const name = lookAt(host, entry, folder);
    if (name.ok) names.push(name.value);
    else if (name.gap.reason !== 'gone') gaps.push(name.gap);
  }
  return { names, gaps };
}

/** Those that ip-netns(8) gave, then those of docker. */
export function allNetworkNames(host: Host): NetworkNames {
  const found = NAME_FOLDERS.map((folder) => networkNames(host, folder));
  return { names: found.flatMap(({ names }) => names), gaps: found.flatMap(({ gaps }) => gaps) };
}

/** As it is typed: a name of ip-netns(8) as it is, any other by its path. */
export function typedName({ name, path }: NetworkName): string {
  return path === networkPath(name) ? name : path;
}

/** undefined: there is none, or it could not be looked at. */
export function networkName(host: Host, name: string): NetworkName | undefined {
  return valueOf(lookAt(host, name, NETNS_FOLDER));
}

function lookAt(host: Host, name: string, folder: string): Reading<NetworkName> {
  const path = `${folder}/${name}`;
  const status = host.stat(path);
  if (status.ok) {
    const isNamespace = status.value.dev === valueOf(host.stat('/proc/self/ns/net'))?.dev;
    return value({ name, path, inode: isNamespace ? status.value.ino : null });
  }
  // A link that leads nowhere.
  return status.gap.reason === 'gone' && host.readLink(path).ok ? value({ name, path, inode: null }) : status;
}

export function networkPath(name: string): string {
  return `${NETNS_FOLDER}/${name}`;
}

/** Unit: bytes. Source: NAME_MAX, include/uapi/linux/limits.h. */
const LONGEST_NAME = 255;

/** For a new name. Errors: BAD_VALUE, also for what would not stay in one line, or on a terminal. */
export function requireNetworkName(name: string): void {
  requireFileName(name);
  if (/\p{Cc}/u.test(name)) throw noName(name, 'it has a control character');
}

/** For one that may be there. Errors: BAD_VALUE, for what cannot be a file in the folder. */
export function requireFileName(name: string): void {
  if (name === '') throw noName(name, 'it is empty');
  if (name === '.' || name === '..') throw noName(name, 'it means a directory');
  if (name.includes('/')) throw noName(name, `it has a slash: a name is a file in ${NETNS_FOLDER}`);
  const { length } = new TextEncoder().encode(name);
  if (length > LONGEST_NAME) throw noName(name, `it is longer than ${LONGEST_NAME} bytes`);
}

function noName(name: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `'${name}' cannot be the name of a network`, why });
}

/**
 * The network namespace that a word means: a bare word that is a name in /run/netns means that one; else it is any target,
 * of a process or container its network namespace. Errors: as of resolveTarget; BAD_VALUE for one of another kind.
 */
export function resolveNetwork(host: Host, word: string): NamespaceTarget {
  const name = nameIn(host, word);
  if (name === undefined) return networkOf(host, word);
  if (name.inode === null) throw staleName(name);
  return networkOf(host, `netns:${name.name}`);
}

function nameIn(host: Host, word: string): NetworkName | undefined {
  const target = parseTarget(word);
  if (target.type === 'netns') return networkName(host, target.name);
  const isBare = target.type === 'name' && target.name === word && !word.includes('/');
  return isBare ? networkName(host, word) : undefined;
}

function staleName({ name, path }: NetworkName): NsError {
  return new NsError('NO_NAMESPACE', {
    what: `the name '${name}' has no namespace any more`,
    why: `nothing is mounted on ${path}`,
    tryThis: `nstool net rm ${name}`,
  });
}

function networkOf(host: Host, word: string): NamespaceTarget {
  const found = resolveTarget(host, word);
  if (found.type === 'process') return networkOf(host, `net:${found.pid}`);
  if (found.type === 'host') return networkOf(host, 'net:host');
  if (found.kind === 'net') return found;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is a ${found.kind} namespace, no network`,
    tryThis: 'nstool ls -t net',
  });
}
