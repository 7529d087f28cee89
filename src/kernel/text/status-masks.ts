// The masks of /proc/PID/status: what a process may do, and what it does with signals.
// Source: proc_pid_status(5), fs/proc/array.c task_sig(), task_cap(), task_seccomp().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** A bit for each signal (1 is bit 0) or capability (0 is bit 0). Absent (null): a kernel without the line. */
export interface StatusMasks {
  /** Blocked by the first thread. */
  readonly blocked: bigint | null;
  readonly ignored: bigint | null;
  /** Those with a handler. */
  readonly caught: bigint | null;
  readonly inheritable: bigint | null;
  readonly permitted: bigint | null;
  readonly effective: bigint | null;
  readonly bounding: bigint | null;
  /** Since: Linux 4.3. */
  readonly ambient: bigint | null;
  /** Since: Linux 4.10. */
  readonly noNewPrivileges: boolean | null;
  /** 0 none, 1 strict, 2 filter. Since: Linux 3.8, CONFIG_SECCOMP. */
  readonly seccomp: number | null;
  /** Since: Linux 5.9. */
  readonly seccompFilters: number | null;
  /** Since: Linux 4.7. */
  readonly umask: number | null;
  /** `thread vulnerable`: it was not switched off for the thread. Since: Linux 4.17. */
  readonly speculativeStoreBypass: string | null;
}

/** A line with another text than a mask is malformed; the first line of a key wins, as a name cannot forge one. */
export function parseStatusMasks(bytes: Uint8Array, file: string): Reading<StatusMasks> {
  const words = new Map<string, string>();
  const bad: string[] = [];
  for (const line of decodeText(bytes).split('\n')) {
    const [, key, word] = /^([A-Za-z_]+):\t(.*)$/.exec(line) ?? [];
    if (key !== undefined && word !== undefined && !words.has(key)) words.set(key, word);
  }
  const mask = (key: string): bigint | null => {
    const word = words.get(key);
    if (word === undefined) return null;
    if (/^[0-9a-f]{1,16}$/.test(word)) return BigInt(`0x${word}`);
    bad.push(`${key}: ${word}`);
    return null;
  };
  const decimal = (key: string): number | null => {
    const word = words.get(key);
    const number = parseDecimal(word);
    if (word !== undefined && number === undefined) bad.push(`${key}: ${word}`);
    return number ?? null;
  };
  const octal = (key: string): number | null => {
    const word = words.get(key);
    if (word === undefined) return null;
    if (/^[0-7]{1,4}$/.test(word)) return Number.parseInt(word, 8);
    bad.push(`${key}: ${word}`);
    return null;
  };
  const privileges = decimal('NoNewPrivs');
  const masks: StatusMasks = {
    blocked: mask('SigBlk'),
    ignored: mask('SigIgn'),
    caught: mask('SigCgt'),
    inheritable: mask('CapInh'),
    permitted: mask('CapPrm'),
    effective: mask('CapEff'),
    bounding: mask('CapBnd'),
    ambient: mask('CapAmb'),
    noNewPrivileges: privileges === null ? null : privileges !== 0,
    seccomp: decimal('Seccomp'),
    seccompFilters: decimal('Seccomp_filters'),
    umask: octal('Umask'),
    speculativeStoreBypass: words.get('Speculation_Store_Bypass') ?? null,
  };
  const [first] = bad;
  return first === undefined ? value(masks) : malformed(file, 1, first);
}
