// The acting part of `caps file set` and `rm`: carries a plan out, and says of each file what is and what was.

import { credentialsOf } from '../../capabilities/credentials.ts';
import { decodeFileCapabilities } from '../../capabilities/file-capabilities.ts';
import { fileCapabilityText } from '../../capabilities/file-text.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import type { AttributeOperation, AttributeOutcome } from '../../kernel/attribute-plan.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Context } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { quotedVisibly } from '../shell-quoting.ts';

interface Changed {
  readonly stdout: string;
  readonly notes: readonly string[];
  readonly error?: NsError;
  readonly status: number;
}

type Done = Extract<AttributeOutcome, { type: 'done' }>;
type Failed = Extract<AttributeOutcome, { type: 'failed' }>;

export async function changeFiles(
  host: Host,
  plan: readonly AttributeOperation[],
  context: Context,
  all: bigint,
): Promise<Changed> {
  const outcomes = await context.changeAttributes(plan);
  const told = plan.map((operation, index) => ({ operation, outcome: outcomes[index] ?? { type: 'left' as const } }));
  const notes = told.flatMap(({ operation: { path }, outcome }) => noteOf(path, outcome, all));
  const failed = told.find((each) => each.outcome.type === 'failed');
  if (failed?.outcome.type === 'failed') {
    const error = errorOf(host, failed.operation, failed.outcome);
    const left = told.filter(({ outcome }) => outcome.type === 'left').length;
    if (left > 0) notes.push(`${left} ${left === 1 ? 'file was' : 'files were'} left as they were`);
    return { stdout: '', notes, error, status: errorStatus(error) };
  }
  return { stdout: '', notes, status: told.some(({ outcome }) => outcome.type === 'absent') ? 1 : 0 };
}

function noteOf(path: string, outcome: AttributeOutcome, all: bigint): readonly string[] {
  if (outcome.type === 'absent') return [`${path} had no capabilities`];
  return outcome.type === 'done' ? [`${path}: ${restoring(path, outcome, all)}`] : [];
}

/** What it had, as the command that brings it back. */
function restoring(path: string, { before }: Done, all: bigint): string {
  const file = quotedVisibly(path.startsWith('-') ? `./${path}` : path);
  if (before === null) return `had none; back: nstool caps file rm ${file}`;
  if (!(before instanceof Uint8Array))
    return `had some that the kernel does not tell (${before.errno ?? before.reason})`;
  const decoded = decodeFileCapabilities(before);
  if (!decoded.ok) return `had no capabilities, but ${before.length} bytes: ${decoded.problem}`;
  const { capabilities } = decoded;
  const owner = capabilities.rootid === 0 ? '' : `-n ${capabilities.rootid} `;
  const isOnlyEffective = capabilities.effective && (capabilities.permitted | capabilities.inheritable) === 0n;
  const text = isOnlyEffective ? 'all=e' : fileCapabilityText(capabilities, all);
  return `had ${text}; back: nstool caps file set --force ${owner}${quotedVisibly(text)} ${file}`;
}

function errorOf(host: Host, { path, bytes }: AttributeOperation, { gap, step }: Failed): NsError {
  const what = `cannot ${bytes === null ? 'take the capabilities of' : 'give capabilities to'} ${path}`;
  if (step === 'no file') {
    return new NsError('BAD_VALUE', {
      what,
      why: 'it is no regular file: capabilities are of programs, and a link is not followed',
      tryThis: 'the path of the file itself: readlink -f',
    });
  }
  if (step === 'open') return errorOfGap(gap, what);
  switch (gap.errno ?? '') {
    case 'EPERM':
      return new NsError('DENIED', { what, ...reasonOfRefusal(host) });
    case 'EROFS':
      return new NsError('DENIED', { what, why: 'EROFS: it is on a read-only mount', tryThis: 'mount -o remount,rw' });
    case 'EOPNOTSUPP':
      return new NsError('UNSUPPORTED', {
        what,
        why: 'EOPNOTSUPP: its file system holds no capabilities (FAT, NFS, proc and sysfs do not)',
        tryThis: 'a copy on ext4, xfs, btrfs or tmpfs',
      });
    case 'EINVAL':
      return new NsError('DENIED', {
        what,
        why: 'EINVAL: the kernel does not take these; a rootid must be a uid of our user namespace',
        tryThis: 'nstool ids self',
      });
    default:
      return errorOfGap(gap, what);
  }
}

function reasonOfRefusal(host: Host): { readonly why: string; readonly tryThis: string } {
  const credentials = valueOf(credentialsOf(host, host.self.pid));
  const holds = credentials === undefined ? undefined : (credentials.sets.effective & CAPABILITY.SETFCAP) !== 0n;
  if (holds === false) {
    return { why: 'EPERM: it takes cap_setfcap, and we do not have it', tryThis: 'as root, or with cap_setfcap' };
  }
  return {
    why: "EPERM: the file is immutable, or our cap_setfcap does not count for it: its owner or its group has no id in our user namespace, or its file system is another one's",
    tryThis: 'lsattr FILE; nstool ids self',
  };
}
