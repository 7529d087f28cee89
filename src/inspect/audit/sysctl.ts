// One value below /proc/sys. Source: proc_sys(5).

import { value, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Surroundings } from './surroundings.ts';

const settings = memo<Reading<string>>();

/** `name`: `kernel/core_pattern`. A gap (gone) where the kernel has none. */
export function sysctl(around: Surroundings, name: string): Reading<string> {
  return settings(around, name, () => {
    const bytes = around.host.readFile(`/proc/sys/${name}`);
    return bytes.ok ? value(decodeText(bytes.value).trim()) : bytes;
  });
}
