// Why we cannot make a state of credentials, before anything is tried. Source: capabilities(7), cap_capset(),
// cap_prctl_drop(), cap_task_prctl() in security/commoncap.c.

import { collapse } from '../../capabilities/expression.ts';
import type { ExecCaller } from '../../capabilities/exec.ts';
import { SECBIT_NO_CAP_AMBIENT_RAISE } from '../../capabilities/securebits.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';

/** The first one; undefined: none. `all` shortens sets. */
export function obstacleTo(before: ExecCaller, ours: ExecCaller, all: bigint): string | undefined {
  const { sets: have, securebits } = ours;
  const { sets: want } = before;
  const lacks = (capability: bigint): boolean => (have.effective & capability) === 0n;
  const some = (mask: bigint): string | undefined => (mask === 0n ? undefined : collapse(mask, all));
  const grown = some(want.bounding & ~have.bounding);
  if (grown !== undefined) return `a bounding set never grows, and ours lacks ${grown}`;
  if (want.bounding !== have.bounding && lacks(CAPABILITY.SETPCAP))
    return `taking ${collapse(have.bounding & ~want.bounding, all)} from the bounding set needs cap_setpcap`;
  const inherited = want.inheritable & ~have.inheritable;
  const unbounded = some(inherited & ~have.bounding);
  if (unbounded !== undefined) return `${unbounded} cannot become inheritable: our bounding set lacks it`;
  const foreign = some(inherited & ~have.permitted);
  if (foreign !== undefined && lacks(CAPABILITY.SETPCAP))
    return `making ${foreign} inheritable, which we have not permitted, needs cap_setpcap`;
  const missing = some(want.ambient & ~have.permitted);
  if (missing !== undefined) return `${missing} cannot become ambient: we have not got it permitted`;
  if (before.securebits !== securebits && lacks(CAPABILITY.SETPCAP)) return 'changing the securebits needs cap_setpcap';
  const raises = (want.ambient & ~have.ambient) !== 0n;
  if (raises && (securebits & SECBIT_NO_CAP_AMBIENT_RAISE) !== 0)
    return 'our securebits forbid ambient capabilities (SECBIT_NO_CAP_AMBIENT_RAISE)';
  if (before.uids.some((uid) => !ours.uids.slice(0, 3).includes(uid)) && lacks(CAPABILITY.SETUID))
    return `becoming uid ${before.uids[1]} needs cap_setuid`;
  const isOtherGroup = before.gids.some((gid) => !ours.gids.slice(0, 3).includes(gid));
  if ((isOtherGroup || before.groups.join() !== ours.groups.join()) && lacks(CAPABILITY.SETGID))
    return `becoming gid ${before.gids[1]} with its groups needs cap_setgid`;
  return undefined;
}
