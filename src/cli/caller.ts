// What a program that takes our place inherits: the environment, and the limit that Node raised.

import { valueOf, type Host } from '../kernel/host.ts';
import { statOf } from '../kernel/process-stat.ts';
import { parseLimit } from '../kernel/text/limits.ts';
import type { Caller } from '../launch/command.ts';

const OPEN_FILES = 'Max open files';

/**
 * Node raises its soft limit on open files to the hard one when it starts, and the old value is nowhere to be read.
 * The process that started us has it still: with the same hard limit its soft limit is what we were given.
 */
export function callerOf(host: Host, env: Caller['env']): Caller {
  const ours = limitOf(host, '/proc/self/limits');
  const theirs = limitOf(host, `/proc/${valueOf(statOf(host, 'self'))?.ppid ?? ''}/limits`);
  if (ours === undefined || theirs === undefined || ours.hard !== theirs.hard || ours.soft === theirs.soft)
    return { env };
  return { env, openFiles: theirs };
}

function limitOf(host: Host, path: string): { soft: bigint; hard: bigint } | undefined {
  const bytes = valueOf(host.readFile(path));
  const limit = bytes === undefined ? undefined : valueOf(parseLimit(bytes, path, OPEN_FILES));
  // RLIM_INFINITY, in 64 bits.
  return limit === undefined ? undefined : { soft: limit.soft ?? -1n, hard: limit.hard ?? -1n };
}
