// The names that a person has at hand, as data: what a word on the command line means.

import { isNamespaceKind, namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { NsError } from '../kernel/error.ts';
import { parseDecimal, parseUnsigned64 } from '../kernel/text/text.ts';

export type Target =
  | { readonly type: 'process'; readonly pid: number | 'self' }
  /** The initial namespaces, the root cgroups, every capability. */
  | { readonly type: 'host' }
  /** `kind` is absent when only the inode was given. */
  | { readonly type: 'namespace'; readonly inode: bigint; readonly kind?: NamespaceKind }
  /** That namespace of a process or of the host: `of` is a target of its own. */
  | { readonly type: 'namespace of'; readonly kind: NamespaceKind; readonly of: string }
  | { readonly type: 'path'; readonly path: string }
  /** A name of ip-netns(8). */
  | { readonly type: 'netns'; readonly name: string }
  /** A container's name or the beginning of its id, `NAMESPACE/POD`, a systemd unit, a process's comm. */
  | { readonly type: 'name'; readonly scheme: NameScheme; readonly name: string }
  /** Who listens there, in our own network namespace. */
  | { readonly type: 'port'; readonly port: number };

export type NameScheme = 'container' | 'pod' | 'unit' | 'comm';

const NAME_SCHEMES: readonly NameScheme[] = ['container', 'pod', 'unit', 'comm'];

/** Pids are positive and have 22 bits at most; the initial namespaces' inodes start far above. */
const PID_MAX_LIMIT = 4_194_304;

const FORMS =
  'a pid, self, host, a namespace (net:4026532177, or of a target: net:self), a path, netns:NAME, container:NAME, pod:NAMESPACE/NAME, unit:NAME, port:N or comm:NAME';

/** What a word means, by its form alone. Errors: BAD_VALUE. */
export function parseTarget(word: string): Target {
  if (word === 'self') return { type: 'process', pid: 'self' };
  if (word === 'host') return { type: 'host' };
  if (word.startsWith('/') || word.startsWith('./') || word.startsWith('../')) return { type: 'path', path: word };
  const number = parseUnsigned64(word);
  if (number !== undefined) return ofNumber(word, number);
  const [scheme, rest] = splitOnce(word);
  if (rest === undefined && /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(word))
    return { type: 'name', scheme: 'container', name: word };
  if (rest !== undefined && rest !== '') return ofScheme(word, scheme, rest);
  throw noTarget(word);
}

function splitOnce(word: string): readonly [string, string | undefined] {
  const colon = word.indexOf(':');
  return colon < 0 ? [word, undefined] : [word.slice(0, colon), word.slice(colon + 1)];
}

function ofScheme(word: string, scheme: string, rest: string): Target {
  const named = NAME_SCHEMES.find((known) => known === scheme);
  if (named !== undefined) return { type: 'name', scheme: named, name: rest };
  if (scheme === 'netns') {
    // It becomes a file name: nothing but a name may stand there.
    if (!rest.includes('/') && rest !== '.' && rest !== '..') return { type: 'netns', name: rest };
    throw noTarget(word);
  }
  if (scheme === 'port') {
    const port = parseDecimal(rest);
    if (port !== undefined && port > 0 && port < 65_536) return { type: 'port', port };
    throw new NsError('BAD_VALUE', { what: `'${word}' is no port`, why: 'ports are 1 to 65535' });
  }
  const bracketed = parseUnsigned64(/^\[([0-9]+)\]$/.exec(rest)?.[1]);
  if (isNamespaceKind(scheme)) {
    return bracketed === undefined ? ofKind(word, scheme, rest) : { type: 'namespace', inode: bracketed, kind: scheme };
  }
  if (bracketed === undefined && parseUnsigned64(rest) === undefined) throw noTarget(word);
  throw new NsError('BAD_VALUE', {
    what: `unknown namespace type '${scheme}' in '${word}'`,
    why: `the types are ${namespaceKinds.map((entry) => entry.kind).join(', ')}`,
  });
}

/** `net:4026532177` is a namespace by its number, `net:4913` and `net:container:web` that of a process. */
function ofKind(word: string, kind: NamespaceKind, of: string): Target {
  // gVisor has small numbers: this one is no pid.
  if (parseUnsigned64(of) === 0n) return { type: 'namespace', inode: 0n, kind };
  const target = parseTarget(of);
  switch (target.type) {
    case 'namespace':
      if (target.kind === undefined) return { ...target, kind };
      throw noTarget(word);
    case 'process':
    case 'host':
    case 'name':
    case 'port':
      return { type: 'namespace of', kind, of };
    case 'namespace of':
    case 'path':
    case 'netns':
      throw noTarget(word);
  }
}

function noTarget(word: string): NsError {
  return new NsError('BAD_VALUE', { what: `'${word}' is no target`, why: `a target is ${FORMS}` });
}

function ofNumber(word: string, number: bigint): Target {
  if (number === 0n) throw new NsError('BAD_VALUE', { what: `'${word}' is no pid`, why: 'pids start at 1' });
  if (number <= PID_MAX_LIMIT) return { type: 'process', pid: Number(number) };
  return { type: 'namespace', inode: number };
}
