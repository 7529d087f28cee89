// One page on a process or namespace: the fields that were asked for, or all that apply.

import { errorOfGap, NsError } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { findTarget } from '../process-in.ts';
import type { ResolvedTarget } from '../resolve-target.ts';
import { requireSameProcess } from '../start-ticks.ts';
import { HostLook } from './host-look.ts';
import { namespaceFields } from './namespace-fields.ts';
import { NamespaceLook } from './namespace-look.ts';
import type { FieldDefinition } from './field.ts';
import { processFields } from './process-fields.ts';
import { ProcessLook } from './process-look.ts';
import { plain, type Field, type Report } from './report.ts';

/** The keys in order; absent: every field that applies. Errors: BAD_VALUE, NO_PROCESS, DENIED. */
export function show(host: Host, target: ResolvedTarget, keys?: readonly string[]): Report {
  const gaps = new GapTally();
  if (target.type !== 'namespace')
    return lookAtProcess(host, target, gaps, (look) => pageOf(look, processFields, keys));
  const { scan, namespace } = findTarget(host, target);
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  const look = new NamespaceLook(scan, namespace, gaps);
  return { type: 'namespace', fields: pageOf(look, namespaceFields, keys), gaps: gaps.list() };
}

/** What of a process or the host is asked for. Errors: NO_PROCESS, DENIED; what `fields` throws. */
export function lookAtProcess(
  host: Host,
  target: Exclude<ResolvedTarget, { type: 'namespace' }>,
  gaps: GapTally,
  fields: (look: ProcessLook) => readonly Field[],
): Report {
  if (target.type === 'host') return { type: 'process', fields: fields(new HostLook(host, gaps)), gaps: gaps.list() };
  requireReadable(host, target.pid);
  const shown = fields(new ProcessLook(host, target.pid, gaps, target.resolver));
  requireSameProcess(host, target.pid, target.startTicks);
  return { type: 'process', fields: shown, gaps: gaps.list() };
}

/** A process that ended meanwhile has nothing to show. */
export function requireReadable(host: Host, pid: number): void {
  const stat = host.readFile(`/proc/${pid}/stat`);
  if (stat.ok) return;
  if (stat.gap.reason === 'gone') throw new NsError('NO_PROCESS', { what: `no process ${pid}`, why: 'it has ended' });
  throw errorOfGap(stat.gap, `cannot look at process ${pid}`);
}

/** The fields of these keys in order; absent: the page. Errors: BAD_VALUE. */
export function pageOf<Look>(
  look: Look,
  definitions: readonly FieldDefinition<Look>[],
  keys: readonly string[] | undefined,
): readonly Field[] {
  const applies = ({ applies }: FieldDefinition<Look>): boolean => applies === undefined || applies(look);
  if (keys === undefined) {
    const page = definitions.filter((each) => each.onlyAsked !== true && applies(each));
    return page.map(({ build }) => build(look));
  }
  return keys.map((key) => {
    const definition = definitions.find((each) => each.key === key);
    if (definition === undefined) throw unknownKey(key, definitions);
    return applies(definition) ? definition.build(look) : plain(key, null);
  });
}

function unknownKey<Look>(key: string, definitions: readonly FieldDefinition<Look>[]): NsError {
  return new NsError('BAD_VALUE', {
    what: `unknown field '${key}'`,
    why: `of this target there are ${definitions.map((each) => each.key).join(', ')}`,
    tryThis: 'nstool help show',
  });
}
