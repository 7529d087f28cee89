// The limits that `cgroup set` and `cgroup run` take, in the same words on v1 and v2.

import { parseWish, type Wish } from '../../cgroups/wish.ts';
import type { Invocation, OptionDefinition } from '../define-command.ts';

export const limitOptions: readonly OptionDefinition[] = [
  { long: 'cpus', value: 'N', help: "at most so many processors' time, as 0.1; max: no quota" },
  {
    long: 'cpu-weight',
    value: 'N',
    help: 'its part when others want time too: 1 to 10000, 100 is the default; v1: as shares',
  },
  { long: 'cpuset-cpus', value: 'LIST', help: 'only these processors: 0-3,8' },
  { long: 'cpuset-mems', value: 'LIST', help: 'only these memory nodes' },
  {
    long: 'memory',
    short: 'm',
    value: 'SIZE',
    help: 'at most so much memory, as 64M, and no swap without --swap; max: no limit',
  },
  { long: 'swap', value: 'SIZE', help: 'how much of it may be swapped out, beyond --memory' },
  { long: 'memory-high', value: 'SIZE', help: 'from here on it is slowed and reclaimed, not killed (cgroup v2)' },
  { long: 'pids', value: 'N', help: 'at most so many processes and threads' },
  {
    long: 'io',
    value: 'DEVICE:KEY=RATE',
    help: 'each second, of a device or a file on it: rbps=1M,wbps=max,riops=9,wiops=9; repeatable',
  },
  { long: 'freeze', help: 'stop all processes in it' },
];

export const bestEffortOption: OptionDefinition = {
  long: 'best-effort',
  help: 'go on without a limit that cannot be had',
};

/** Errors: BAD_VALUE. */
export function wishOf({ options }: Invocation): Wish {
  return parseWish(options);
}
