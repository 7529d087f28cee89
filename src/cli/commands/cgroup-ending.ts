// What happened in a cgroup that goes, in a line.

import type { Ending } from '../../cgroups/ending.ts';
import type { Bound } from '../../kernel/text/cgroup-bound.ts';
import { bytesText } from '../../render/columns.ts';

export function endingText(ending: Ending): string {
  if (ending.type === 'forks') {
    const { count, whose, limit } = ending;
    const times = count === 1n ? 'once' : `${count} times`;
    const which = whose === 'own' ? `pids limit ${limit ?? '-'}` : `the pids limit of a cgroup ${whose} it`;
    return `${which} met ${times}: fork failed with EAGAIN`;
  }
  const { count, own, limit, swap, peak } = ending;
  const who = count === 1n ? 'killed' : `${count} processes killed`;
  const most = peak === null ? '' : `, peak ${size(peak)}`;
  if (!own) return `${who} by the memory limit of a cgroup above it${most}`;
  const also =
    swap === null || swap === 0n ? '' : swap === 'max' ? ', swap without limit' : ` and ${size(swap)} of swap`;
  return `${who} by its own memory limit (${limit === null ? '-' : size(limit)}${also})${most}`;
}

function size(bytes: Bound): string {
  if (bytes === 'max') return 'max';
  const text = bytesText(Number(bytes));
  return /[A-Z]$/.test(text) ? `${text}iB` : `${text}B`;
}
