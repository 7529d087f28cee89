// The columns of `caps ls`.

import type { CapsFact, CapsRow } from '../../inspect/caps/caps-rows.ts';
import type { Column } from '../../render/columns.ts';

export interface CapsColumn extends Column<CapsRow> {
  readonly key: keyof CapsRow;
  /** What has to be read for it. */
  readonly fact?: CapsFact;
  /** The option without which there is nothing in it. */
  readonly needs?: 'net' | 'has';
}

function column(
  key: keyof CapsRow,
  type: CapsColumn['type'],
  help: string,
  more: Partial<CapsColumn> = {},
): CapsColumn {
  return { key, type, help, get: (row) => row[key], ...more };
}

const place = { fact: 'place' } as const;
const texts = { fact: 'texts', shrinks: true } as const;
const net = { needs: 'net' } as const;
const shrinks = { shrinks: true } as const;

export const capsColumns: readonly CapsColumn[] = [
  column('pid', 'number', 'the process'),
  column('tid', 'number', 'the thread; of a process its first, which has the same number'),
  column('ppid', 'number', 'its parent; 0: beyond our pid namespace'),
  column('uid', 'number', 'its effective uid'),
  column('user', 'string', 'name of that uid', { fact: 'user' }),
  column('comm', 'string', 'name of the program, or of the thread'),
  column('command', 'string', 'command line', { fact: 'command', ...shrinks }),
  column('threads', 'number', 'how many threads the process has'),
  column('verdict', 'string', 'what it is worth: host_root, host_part, namespace_root, namespace_part, none', place),
  column('userns', 'number', 'inode of its user namespace, where the capabilities count', place),
  column('owner', 'string', 'who made that user namespace', place),
  column('level', 'number', "how deep that lies below the host's, which is 0", place),
  column('caps', 'string', 'what is effective; then permitted if it is not the same, inheritable, ambient', shrinks),
  column('effective', 'string', 'what the kernel checks', shrinks),
  column('permitted', 'string', 'what it can make effective', shrinks),
  column('inheritable', 'string', 'what execve(2) hands on to files that have it inheritable', shrinks),
  column('bounding', 'string', 'what execve(2) can give it at most', shrinks),
  column('ambient', 'string', 'what execve(2) hands on to any file', shrinks),
  column('text', 'string', "effective, permitted and inheritable as libcap's text", texts),
  column('iab', 'string', 'inheritable, ambient and what the bounding set lacks as its IAB', texts),
  column('has', 'string', 'where it has what --has asks for: effective, or only permitted', { needs: 'has' }),
  column('file', 'string', 'capabilities of the file that it executes', { fact: 'file', ...shrinks }),
  column('name', 'string', 'container, pod or unit', { fact: 'name', ...shrinks }),
  column('protocol', 'string', 'tcp, udp, raw or packet (--net)', net),
  column('address', 'string', 'address that it listens at (--net)', net),
  column('port', 'number', 'port (--net)', net),
  column('number', 'number', 'protocol of raw, EtherType of packet; 3 is all (--net)', net),
  column('interface', 'string', 'interface that the socket is bound to (--net)', net),
  column('netns', 'number', 'inode of the network namespace of the socket (--net)', net),
];

/** A line for each. */
export function capsColumnList(): readonly string[] {
  return capsColumns.map(({ key, help }) => `  ${key.toUpperCase().padEnd(11)} ${help}`);
}

const WORTH = ['verdict', 'owner', 'level'];

export interface Shape {
  readonly threads: boolean;
  readonly sockets: boolean;
  readonly has: boolean;
  readonly files: boolean;
}

export function defaultColumns({ threads, sockets, has, files }: Shape): readonly string[] {
  const socket = sockets ? ['protocol', 'address', 'port', 'interface', 'netns'] : [];
  return [
    'pid',
    ...(threads ? ['tid'] : []),
    ...(sockets ? [] : ['ppid']),
    'user',
    'comm',
    ...socket,
    ...WORTH,
    ...(has ? ['has'] : []),
    ...(files ? ['file'] : []),
    'caps',
  ];
}
