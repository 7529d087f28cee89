// The names that a person has at hand, as data: what a word on the command line means.

import { isNamespaceKind, namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { NsError } from '../kernel/error.ts';
import { parseDecimal, parseUnsigned64 } from '../kernel/text/text.ts';

export type Target =
  | { readonly type: 'process'; readonly pid: number | 'self' }
  /** `kind` is absent when only the inode was given. */
  | { readonly type: 'namespace'; readonly inode: bigint; readonly kind?: NamespaceKind }
  | { readonly type: 'path'; readonly path: string };

/** Pids are positive and have 22 bits at most; the initial namespaces' inodes start far above. */
const PID_MAX_LIMIT = 4_194_304;

const FORMS = 'a pid, self, a namespace (4026532177, net:4026532177, net:[4026532177]) or a path (/run/netns/blue)';

/** Errors: BAD_VALUE. */
export function parseTarget(word: string): Target {
  if (word === 'self') return { type: 'process', pid: 'self' };
  if (word.startsWith('/') || word.startsWith('./') || word.startsWith('../')) return { type: 'path', path: word };
  const number = parseUnsigned64(word);
  if (number !== undefined) return ofNumber(word, number);
  const match = /^([a-z]+):(?:([0-9]+)|\[([0-9]+)\])$/.exec(word);
  const inode = parseUnsigned64(match?.[2] ?? match?.[3]);
  const kind = match?.[1];
  if (kind !== undefined && inode !== undefined) {
    if (isNamespaceKind(kind)) return { type: 'namespace', inode, kind };
    throw new NsError('BAD_VALUE', {
      what: `unknown namespace type '${kind}' in '${word}'`,
      why: `the types are ${namespaceKinds.map((entry) => entry.kind).join(', ')}`,
    });
  }
  throw new NsError('BAD_VALUE', { what: `'${word}' is no target`, why: `a target is ${FORMS}` });
}

function ofNumber(word: string, number: bigint): Target {
  if (number === 0n) throw new NsError('BAD_VALUE', { what: `'${word}' is no pid`, why: 'pids start at 1' });
  if (number <= PID_MAX_LIMIT) return { type: 'process', pid: Number(number) };
  return { type: 'namespace', inode: number };
}

/** Errors: BAD_VALUE. */
export function parsePid(word: string): number | 'self' {
  if (word === 'self') return word;
  const pid = parseDecimal(word);
  if (pid === undefined || pid < 1 || pid > PID_MAX_LIMIT) {
    throw new NsError('BAD_VALUE', {
      what: `'${word}' is no pid`,
      why: `a pid is a number from 1 to ${PID_MAX_LIMIT}`,
    });
  }
  return pid;
}
