// Descriptors of others that were refused: by which rule, where it can be told.

import type { Gap } from '../../kernel/host.ts';
import { yamaOf, yamaRefusal } from '../yama.ts';
import type { Scan } from './scan.ts';

export function noteRefused(scan: Scan, subject: string, gap: Gap, tid: number): void {
  scan.gaps.add(subject, gap, gap.errno === 'EPERM' ? refusalBy(scan, tid) : null);
}

function refusalBy(scan: Scan, tid: number): string | null {
  if (scan.deep.yama === undefined) scan.deep.yama = yamaOf(scan.host) ?? null;
  return scan.deep.yama === null ? null : (yamaRefusal(scan.deep.yama, tid) ?? null);
}
