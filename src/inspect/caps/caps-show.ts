// The page on the capabilities of one target.

import { NsError } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { resolveTarget } from '../resolve-target.ts';
import { lookAtProcess, pageOf } from '../show/show.ts';
import type { Report } from '../show/report.ts';
import { capsFields } from './fields.ts';

/** The keys in order; absent: every field that applies. Errors: as of resolveTarget; BAD_VALUE for a namespace. */
export function showCapabilities(host: Host, word: string, keys?: readonly string[]): Report {
  const target = resolveTarget(host, word);
  if (target.type === 'namespace') {
    throw new NsError('BAD_VALUE', {
      what: `'${word}' is a namespace, and only processes have capabilities`,
      tryThis: `nstool show ${word}, for the processes in it`,
    });
  }
  const gaps = new GapTally();
  return lookAtProcess(host, target, gaps, (look) => pageOf(look, capsFields, keys));
}
