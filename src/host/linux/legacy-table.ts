// A table of iptables-legacy. Source: include/uapi/linux/netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h.

import { closeSync } from 'node:fs';
import { doorText } from '../../kernel/door.ts';
import { value, type LegacyTableQuery, type Reading } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;
/** The address family, and the level of its options. */
const FAMILIES = { ip: { domain: 2, level: 0 }, ip6: { domain: 10, level: 41 } } as const;
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
const NAME_LENGTH = 32;
/** struct ipt_getinfo: name, hooks, where they begin, where their policies are, how many rules, of how many bytes. */
const INFO_LENGTH = 84;
const SIZE_OFFSET = 80;
/** struct ipt_get_entries: name and size, filled up to 8 bytes. */
const ENTRIES_OFFSET = 40;
const EAGAIN = 11;
const MAX_ATTEMPTS = 5;

export function legacyTable({ family, table, namespace }: LegacyTableQuery): Reading<Uint8Array> {
  const what = `table ${table} of ${family}tables-legacy${namespace === undefined ? '' : ` in ${doorText(namespace)}`}`;
  try {
    const socket = namespace === undefined ? openSocket(family) : socketIn(openDoor(namespace), family);
    try {
      return value(wholeTable(socket, family, table));
    } finally {
      closeSync(socket);
    }
  } catch (error) {
    return gapOfThrown(what, error);
  }
}

function openSocket(family: 'ip' | 'ip6'): number {
  return libc().socket(FAMILIES[family].domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

function socketIn(namespace: number, family: 'ip' | 'ip6'): number {
  try {
    return inNamespace('net', namespace, () => openSocket(family));
  } finally {
    closeSync(namespace);
  }
}

/** The rules may become more between the two questions: then the kernel says EAGAIN. */
function wholeTable(socket: number, family: 'ip' | 'ip6', table: string): Uint8Array {
  const { level } = FAMILIES[family];
  const name = new TextEncoder().encode(table).subarray(0, NAME_LENGTH - 1);
  for (let attempt = 1; ; attempt += 1) {
    const info = new Uint8Array(INFO_LENGTH);
    info.set(name);
    libc().getsockoptBytes(socket, level, IPT_SO_GET_INFO, info);
    const size = view(info).getUint32(SIZE_OFFSET, true);
    const entries = new Uint8Array(ENTRIES_OFFSET + size);
    entries.set(name);
    view(entries).setUint32(NAME_LENGTH, size, true);
    try {
      libc().getsockoptBytes(socket, level, IPT_SO_GET_ENTRIES, entries);
    } catch (error) {
      if (!(error instanceof LibcError) || error.errno !== EAGAIN || attempt === MAX_ATTEMPTS) throw error;
      continue;
    }
    const whole = new Uint8Array(INFO_LENGTH + size);
    whole.set(info);
    whole.set(entries.subarray(ENTRIES_OFFSET), INFO_LENGTH);
    return whole;
  }
}
