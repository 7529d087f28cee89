// What `net add` and `net attach` have in common: they give a name, and say what came of it.

import { networkName, networkNames, networkPath, requireNetworkName } from '../../inspect/network-names.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import type { NamingStep, NetworkNaming } from '../../kernel/network-name.ts';
import type { Context } from '../define-command.ts';
import { quotedVisibly } from '../shell-quoting.ts';

/** Errors: BAD_VALUE (no name, or taken); DENIED, UNSUPPORTED; NO_FILE, when what gets the name is gone. */
export async function giveName(host: Host, name: string, of: NetworkNaming['of'], context: Context): Promise<bigint> {
  requireNetworkName(name);
  const outcome = await context.nameNetwork({ path: networkPath(name), of });
  if (outcome.type === 'named') return outcome.inode;
  throw errorOf(host, name, outcome.step, outcome.gap);
}

/** Of those that were killed in the middle, and of what a reboot of the container that has the folder left. */
export function staleNotes(host: Host): readonly string[] {
  const stale = networkNames(host).names.filter(({ inode }) => inode === null);
  const [first] = stale;
  if (first === undefined) return [];
  const words = stale
    .slice(0, MOST_TOLD)
    .map(({ name }) => quotedVisibly(name))
    .join(' ');
  if (stale.length > MOST_TOLD)
    return [
      `without a namespace: ${words} and ${stale.length - MOST_TOLD} more; what removes them tells: nstool net leaks`,
    ];
  return [`without a namespace: ${words}; they go by: nstool net rm ${words}`];
}

const MOST_TOLD = 5;

const WHAT: Readonly<Record<NamingStep, string>> = {
  open: 'open the namespace',
  folder: 'use the folder of names',
  share: 'share the folder of names with other mount namespaces',
  file: 'make the file of the name',
  make: 'make a network namespace',
  loopback: 'switch its loopback on',
  mount: 'mount it on the file of the name',
};

function errorOf(host: Host, name: string, step: NamingStep, gap: Gap): NsError {
  if (gap.errno === 'EEXIST') return taken(host, name);
  const what = `cannot name a network '${name}': cannot ${WHAT[step]}`;
  if (gap.reason === 'denied') {
    return new NsError('DENIED', {
      what,
      why: `${gap.what}: ${gap.errno ?? gap.reason}; it takes CAP_SYS_ADMIN here, and the right to write in /run`,
      tryThis: 'as root',
    });
  }
  if (gap.errno === 'ENOSPC' && step === 'make') {
    return new NsError('DENIED', {
      what,
      why: 'ENOSPC: the limit on network namespaces is reached',
      tryThis: 'sysctl user.max_net_namespaces',
    });
  }
  return errorOfGap(gap, what);
}

function taken(host: Host, name: string): NsError {
  const found = networkName(host, name);
  const isStale = found?.inode === null;
  return new NsError('BAD_VALUE', {
    what: `there is a network '${name}' already`,
    why: isStale
      ? `its name is stale: nothing is mounted on ${networkPath(name)}`
      : `it is net:[${found?.inode ?? '?'}]`,
    tryThis: `${isStale ? 'nstool net rm' : 'another name; it goes by: nstool net rm'} ${quotedVisibly(name)}`,
  });
}
