// devices.list of cgroup v1: which device nodes may be used. Source: Documentation/admin-guide/cgroup-v1/devices.rst.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export interface DeviceRule {
  /** a: all devices, of both sorts; then the numbers are null. */
  readonly type: 'a' | 'b' | 'c';
  /** null: all. */
  readonly major: number | null;
  readonly minor: number | null;
  /** Of r (read), w (write), m (mknod). */
  readonly access: string;
}

const LINE = /^([abc]) (\*|\d+):(\*|\d+) ([rwm]{1,3})$/;

/** `c 1:3 rwm` a line; what no line allows is denied. `a *:* rwm` alone: everything is allowed. */
export function parseDeviceRules(bytes: Uint8Array, file: string): Reading<readonly DeviceRule[]> {
  const rules: DeviceRule[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [, type, major, minor, access] = LINE.exec(line) ?? [];
    const numbers = [major, minor].map((word) => (word === '*' ? null : parseDecimal(word)));
    const [first, second] = numbers;
    if ((type !== 'a' && type !== 'b' && type !== 'c') || first === undefined || second === undefined) {
      return malformed(file, index + 1, line);
    }
    rules.push({ type, major: first, minor: second, access: access ?? '' });
  }
  return value(rules);
}
