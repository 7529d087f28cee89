// How soon the kernel kills the command when memory runs out: /proc/PID/oom_score_adj. Source: proc_pid_oom_score_adj(5).

import { O_WRONLY } from '../../kernel/abi/open-flags.ts';
import { PR_SET_DUMPABLE } from '../../kernel/abi/process.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Step } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { step } from '../step.ts';
import { hasInitially, type Facts } from './facts.ts';
import { remarks, type Uncopied } from './part.ts';

const WHAT = 'oom_score_adj';
const SLOT = 'oom_score_adj';
const PATH = '/proc/self/oom_score_adj';
const NEEDS = 'below ours it needs CAP_SYS_RESOURCE in the initial user namespace';

/** Before anything is entered: /proc and the right are ours. */
export function copyOom(
  host: Host,
  facts: Facts,
): { readonly steps: readonly Step[]; readonly uncopied: readonly Uncopied[] } {
  const theirs = scoreOf(host, facts.pid);
  const ours = scoreOf(host, 'self');
  if (theirs === undefined) return { steps: [], uncopied: [{ what: WHAT, why: 'it cannot be read' }] };
  if (theirs === ours) return { steps: [], uncopied: [] };
  if (ours !== undefined && theirs < ours && !hasInitially(facts, CAPABILITY.SYS_RESOURCE))
    return { steps: [], uncopied: [{ what: `${WHAT} ${theirs}`, why: `ours is ${ours}, and ${NEEDS}` }] };
  const explanations = remarks(`${WHAT} ${theirs}`, { EACCES: NEEDS, EPERM: NEEDS });
  return {
    steps: [
      ...openOwn(host),
      step(
        `set ${WHAT} to ${theirs}`,
        'that of the target; while we may',
        { op: 'write', slot: SLOT, bytes: String(theirs) },
        {
          try: true,
          explanations,
        },
      ),
    ],
    uncopied: [],
  };
}

/** nsexec is not dumpable, by which its files belong to root; for a moment they must be its user's. */
function openOwn(host: Host): readonly Step[] {
  const explanations = remarks(WHAT, { EACCES: `${PATH} cannot be opened`, ENOENT: `there is no ${PATH}` });
  const open = step(
    `open ${PATH}`,
    'while /proc is ours',
    { op: 'open', path: PATH, flags: O_WRONLY, into: SLOT },
    { try: true, explanations },
  );
  if (host.self.uid === 0) return [open];
  const dumpable = (is: bigint, reason: string): Step =>
    step(is === 1n ? 'be dumpable' : 'be no longer dumpable', reason, {
      op: 'prctl',
      option: PR_SET_DUMPABLE,
      args: [is, 0n, 0n, 0n],
    });
  return [
    dumpable(1n, `else ${PATH} belongs to root; nothing foreign sees us yet`),
    open,
    dumpable(0n, 'before anything is entered'),
  ];
}

function scoreOf(host: Host, process: number | 'self'): number | undefined {
  const bytes = valueOf(host.readFile(`/proc/${process}/${WHAT}`));
  const text = bytes === undefined ? '' : decodeText(bytes).trim();
  return /^-?[0-9]{1,4}$/.test(text) ? Number(text) : undefined;
}
