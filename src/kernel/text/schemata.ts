// What resctrl's files say: schemata and size of a control group, /proc/PID/cpu_resctrl_groups. Source:
// Documentation/filesystems/resctrl.rst (before Linux 6.16 arch/x86/resctrl.rst), fs/resctrl/ctrlmondata.c
// rdtgroup_schemata_show(), fs/resctrl/rdtgroup.c proc_resctrl_show().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed } from './text.ts';

/** A line of schemata, or of size: one resource, in each of its domains. */
export interface SchemataLine {
  /** `L3`, `L2`, with CDP `L3CODE` and `L3DATA`; `MB`, `SMBA`. */
  readonly resource: string;
  /** By the id of a cache (`0`), as the kernel writes them; `uninitialized` of a group that is to be locked has none. */
  readonly domains: readonly (readonly [id: string, word: string])[];
}

/** Names and numbers are padded with spaces, so that they stand in columns. */
export function parseSchemata(bytes: Uint8Array, file: string): Reading<readonly SchemataLine[]> {
  const lines: SchemataLine[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, resource, rest = ''] = /^ *([A-Z][A-Z0-9_]*):(.*)$/.exec(line) ?? [];
    if (resource === undefined) return malformed(file, index + 1, line);
    const words = rest.trim() === 'uninitialized' ? [] : rest.split(';').filter((word) => word.trim() !== '');
    const pairs = words.map((word) => /^ *(\d+) *= *([0-9a-f]+) *$/.exec(word));
    if (pairs.includes(null)) return malformed(file, index + 1, line);
    lines.push({ resource, domains: pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']) });
  }
  return value(lines);
}

/** The groups of a thread. */
export interface ResctrlMembership {
  /** `/` is the default one. Absent (null): resctrl is not mounted anywhere. */
  readonly control: string | null;
  /** Of the control group's. Absent (null): none. */
  readonly monitor: string | null;
}

/** `res:batch` and `mon:web`. Since: Linux 5.6, CONFIG_PROC_CPU_RESCTRL. */
export function parseResctrlMembership(bytes: Uint8Array, file: string): Reading<ResctrlMembership> {
  const text = decodeText(bytes);
  const [, control, monitor] = /^res:([^\n]*)\nmon:([^\n]*)\n?$/.exec(text) ?? [];
  if (control === undefined || monitor === undefined) return malformed(file, 1, text);
  return value({ control: nameOf(control), monitor: nameOf(monitor) });
}

function nameOf(word: string): string | null {
  return word === '' ? null : word;
}
