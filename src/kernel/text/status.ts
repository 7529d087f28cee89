// /proc/PID/status. Source: proc_pid_status(5), fs/proc/array.c proc_pid_status().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export interface ProcessStatus {
  /** The command's name; backslash and newline are escaped by the kernel (`\\`, `\n`) and decoded here. */
  readonly name: string;
  readonly pid: number;
  /** Thread group, that is the process. */
  readonly tgid: number;
  readonly ppid: number;
  /** Real, effective, saved and file system ids, as the reader's user namespace maps them. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** CapEff: a bit for each capability. Absent (0): a kernel without the line. */
  readonly effectiveCapabilities: bigint;
  /** The pid in each pid namespace, from that of this /proc to the process's own. Since: Linux 4.1; else empty. */
  readonly namespacePids: readonly number[];
  /** Absent (0) for a zombie's. */
  readonly threads: number;
  /** VmRSS. Unit: KiB. Absent (0) for kernel threads and zombies, which have no memory of their own. */
  readonly residentKib: number;
}

/**
 * The lines are `Key:<tab>value`. A name cannot forge one: its newlines are escaped, and the first line of a key
 * wins, Name being the first of all.
 */
export function parseStatus(bytes: Uint8Array, file: string): Reading<ProcessStatus> {
  const lines = decodeText(bytes).split('\n');
  const fields = new Map<string, { text: string; line: number }>();
  for (const [index, line] of lines.entries()) {
    const colon = line.indexOf(':\t');
    const key = line.slice(0, Math.max(colon, 0));
    if (colon > 0 && !fields.has(key)) fields.set(key, { text: line.slice(colon + 2), line: index + 1 });
  }
  const numbers = (key: string): number[] | undefined => {
    const words = (fields.get(key)?.text ?? '').trim().split(/\s+/).map(parseDecimal);
    return words.every((word) => word !== undefined) ? words : undefined;
  };
  const bad = (key: string): Reading<never> => {
    const field = fields.get(key);
    return malformed(file, field?.line ?? lines.length, field?.text ?? `no line "${key}:"`);
  };

  const name = fields.get('Name')?.text;
  if (name === undefined) return bad('Name');
  const single: Record<'Pid' | 'Tgid' | 'PPid', number> = { Pid: 0, Tgid: 0, PPid: 0 };
  for (const key of ['Pid', 'Tgid', 'PPid'] as const) {
    const [number, ...rest] = numbers(key) ?? [];
    if (number === undefined || rest.length > 0) return bad(key);
    single[key] = number;
  }
  const uids = numbers('Uid');
  if (uids?.length !== 4) return bad('Uid');
  const gids = numbers('Gid');
  if (gids?.length !== 4) return bad('Gid');
  // Empty without supplementary groups, and then the line ends in a blank.
  const groups = (fields.get('Groups')?.text.trim() ?? '') === '' ? [] : numbers('Groups');
  if (groups === undefined) return bad('Groups');
  const capabilities = fields.get('CapEff')?.text ?? '0';
  if (!/^[0-9a-f]{1,16}$/.test(capabilities)) return bad('CapEff');
  const namespacePids = fields.has('NSpid') ? numbers('NSpid') : [];
  if (namespacePids === undefined) return bad('NSpid');
  const threads = fields.has('Threads') ? numbers('Threads')?.[0] : 0;
  if (threads === undefined) return bad('Threads');
  const resident = fields.get('VmRSS')?.text.trim() ?? '0 kB';
  const residentKib = parseDecimal(/^([0-9]+) kB$/.exec(resident)?.[1]);
  if (residentKib === undefined) return bad('VmRSS');
  return value({
    name: unescapeName(name),
    pid: single.Pid,
    tgid: single.Tgid,
    ppid: single.PPid,
    uids,
    gids,
    groups,
    effectiveCapabilities: BigInt(`0x${capabilities}`),
    namespacePids,
    threads,
    residentKib,
  });
}

/** The kernel escapes backslash and newline. */
export function unescapeName(name: string): string {
  return name.replaceAll(/\\([\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : '\\'));
}
