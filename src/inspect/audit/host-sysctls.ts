// H: settings of the host that decide how much any process on it may try.

import { valueOf, type Gap, type Reading } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { check, type Check } from './check.ts';

import { sysctl } from './sysctl.ts';
import type { Surroundings } from './surroundings.ts';

export const hostChecks: readonly Check[] = [
  check('H1', 'info', 'all', ['around'], ({ around }, severity) => {
    const values = read(around, [
      'user/max_user_namespaces',
      'kernel/unprivileged_userns_clone',
      'kernel/apparmor_restrict_unprivileged_userns',
    ]);
    if ('reason' in values) return values;
    const [most, clone, restricted] = values.map(({ text }) => text);
    // A kernel without user namespaces has none of these; the other two are distributions' own.
    if (most === null || most === '0' || clone === '0' || (restricted ?? '0') !== '0') return [];
    return [{ severity, evidence: linesOf(values) }];
  }),

  check('H2', 'info', 'all', ['around'], ({ around }, severity) => {
    const values = read(around, ['kernel/core_pattern', 'kernel/modprobe', 'kernel/modules_disabled', 'kernel/sysrq']);
    if ('reason' in values) return values;
    const [core, modprobe, disabled, sysrq] = values.map(({ text }) => text);
    const pipe = core?.startsWith('|') === true ? core : null;
    const loads = modprobe !== null && modprobe !== '' && disabled === '0' ? (modprobe ?? null) : null;
    const keys = sysrq === null || sysrq === '0' ? null : (sysrq ?? null);
    if (pipe === null && loads === null && keys === null) return [];
    return [{ severity, args: { core_pattern: pipe, modprobe: loads, sysrq: keys }, evidence: linesOf(values) }];
  }),

  check('H3', 'low', 'all', ['around'], ({ around }, severity) => {
    const values = read(
      around,
      LOOSE.map(([name]) => name),
    );
    if ('reason' in values) return values;
    const loose = values.filter(({ text }, index) => {
      const number = parseSigned(text);
      return number !== undefined && (LOOSE[index]?.[1](number) ?? false);
    });
    if (loose.length === 0) return [];
    const settings = loose.map(({ name, text }) => `${name.replaceAll('/', '.')}=${text ?? ''}`);
    return [{ severity, args: { settings }, evidence: linesOf(loose) }];
  }),

  check('H4', 'medium', 'all', ['around'], ({ around }, severity) => {
    const values = read(around, ['net/ipv4/conf/all/route_localnet']);
    if ('reason' in values) return values;
    return values[0]?.text === '1' ? [{ severity, evidence: linesOf(values) }] : [];
  }),
];

/** What is looser than it should be. */
const LOOSE: readonly (readonly [name: string, isLoose: (value: number) => boolean])[] = [
  ['kernel/unprivileged_bpf_disabled', (value) => value === 0],
  ['kernel/perf_event_paranoid', (value) => value < 2],
  ['kernel/kptr_restrict', (value) => value === 0],
  ['kernel/dmesg_restrict', (value) => value === 0],
  ['kernel/yama/ptrace_scope', (value) => value === 0],
];

interface Setting {
  readonly name: string;
  /** null: this kernel has none. */
  readonly text: string | null;
}

function read(around: Surroundings, names: readonly string[]): readonly Setting[] | Gap {
  const settings: Setting[] = [];
  for (const name of names) {
    const reading: Reading<string> = sysctl(around, name);
    if (!reading.ok && reading.gap.reason !== 'gone') return reading.gap;
    settings.push({ name, text: valueOf(reading) ?? null });
  }
  return settings;
}

function parseSigned(text: string | null): number | undefined {
  if (text?.startsWith('-') !== true) return parseDecimal(text ?? undefined);
  const number = parseDecimal(text.slice(1));
  return number === undefined ? undefined : -number;
}

function linesOf(settings: readonly Setting[]): readonly string[] {
  return settings.flatMap(({ name, text }) => (text === null ? [] : [`/proc/sys/${name}: ${text}`]));
}
