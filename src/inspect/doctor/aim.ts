// What is meant by the words of the command line: from which namespace, and to which address or name.

import { NsError } from '../../kernel/error.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import type { Host } from '../../kernel/host.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Topology } from '../../network/topology.ts';
import { resolveNetwork } from '../network-names.ts';

export type Aim =
  | { readonly is: 'address'; readonly address: string; readonly port: number | null }
  | { readonly is: 'network'; readonly inode: bigint; readonly port: number | null }
  /** To be asked of a nameserver, unless a file of hosts has it. */
  | { readonly is: 'name'; readonly name: string; readonly port: number | null };

/** `10.1.2.3`, `10.1.2.3:80`, `[::1]:80`, any target with or without `:80`, a name with a dot. Errors: as of resolveNetwork. */
export function aimAt(host: Host, word: string): Aim {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(word);
  if (bracketed !== null) return requireAddress(word, bracketed[1] ?? '', portOf(word, bracketed[2]));
  if (parseAddress(word) !== undefined) return { is: 'address', address: word, port: null };
  const [, before, digits] = /^(.+):(\d+)$/.exec(word) ?? [];
  if (before !== undefined && parseAddress(before) !== undefined && !before.includes(':'))
    return requireAddress(word, before, portOf(word, digits));
  let refusal: unknown;
  try {
    return { is: 'network', inode: resolveNetwork(host, word).inode, port: null };
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
    refusal = error;
  }
  if (before !== undefined) return withPort(host, before, portOf(word, digits));
  if (isDomain(word)) return { is: 'name', name: word, port: null };
  throw refusal;
}

function withPort(host: Host, word: string, port: number | null): Aim {
  try {
    return { is: 'network', inode: resolveNetwork(host, word).inode, port };
  } catch (error) {
    if (error instanceof NsError && isDomain(word)) return { is: 'name', name: word, port };
    throw error;
  }
}

/** A dot tells it from what is misspelt; one at the end will do. */
function isDomain(word: string): boolean {
  const name = word.replace(/\.$/, '');
  return (
    word.includes('.') &&
    name.length <= LONGEST_NAME &&
    /^[A-Za-z0-9_]([\w-]{0,61}\w)?(\.[A-Za-z0-9_]([\w-]{0,61}\w)?)*$/.test(name)
  );
}

const LONGEST_NAME = 253;

function requireAddress(word: string, address: string, port: number | null): Aim {
  if (parseAddress(address) !== undefined) return { is: 'address', address, port };
  throw new NsError('BAD_VALUE', {
    what: `'${word}' has no address between its brackets`,
    tryThis: '--to [2001:db8::1]:80',
  });
}

const LAST_PORT = 65_535;

function portOf(word: string, digits: string | undefined): number | null {
  if (digits === undefined) return null;
  const port = Number(digits);
  if (port > 0 && port <= LAST_PORT) return port;
  throw new NsError('BAD_VALUE', { what: `--to ${word}: ports go from 1 to ${LAST_PORT}` });
}

/** undefined: a deeper look may find it. */
export function placeNumbered({ namespaces }: Topology, inode: bigint): NetworkNamespace | undefined {
  return namespaces.find((one) => one.inode === inode);
}

/** Which of its addresses another one would take: one in a net of its own, else of IPv4, else the first. */
export function addressOf(
  place: NetworkNamespace,
  from: NetworkNamespace,
  isNear: (a: string, b: string) => boolean,
): string | undefined {
  const own = (place.addresses ?? []).filter(({ scope }) => scope === 'global' || scope === 'site');
  const theirs = (from.addresses ?? []).map((one) => `${one.address}/${one.prefixLength}`);
  const near = own.find(({ address }) => theirs.some((net) => isNear(net, address)));
  return (near ?? own.find(({ family }) => family === 'inet') ?? own[0])?.address;
}
