// Acts on ids and owners, and on modules. Source: setuid(2), setgid(2), kernel/sys.c; chown(2), fs/attr.c chown_ok();
// init_module(2), kernel/module/main.c may_init_module().

import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { valueOf } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { closedFolder, isFileMapped } from '../file-access.ts';
import { idHere } from '../user-ids.ts';
import { capableHere, capableInitial, type Actor } from './actor.ts';
import { allOf, anyOf, hidden, type Check, type Verdict } from './check.ts';

/** May it become this uid or gid, as its user namespace numbers it? */
export function canSetId(actor: Actor, kind: 'uid' | 'gid', id: number): Verdict {
  const capability = kind === 'uid' ? CAPABILITY.SETUID : CAPABILITY.SETGID;
  const map = kind === 'uid' ? actor.user.uids : actor.user.gids;
  const ids = kind === 'uid' ? actor.credentials.uids : actor.credentials.gids;
  const here = map === null ? null : idHere(map, id);
  const mapped: Check = {
    by: 'id_map',
    holds: map === null ? null : here !== undefined,
    errno: 'EINVAL',
    text:
      here === undefined
        ? `${kind} ${id} is not mapped in its user namespace: nobody there can become it, whatever it may`
        : `${kind} ${id} exists in its user namespace`,
  };
  const [real, , saved] = ids;
  const isOwn = here !== null && here !== undefined && (here === real || here === saved);
  const own: Check = {
    by: 'ids',
    holds: isOwn,
    errno: 'EPERM',
    text: isOwn ? `it is its real or saved ${kind}` : `it is neither its real nor its saved ${kind}`,
  };
  return allOf([mapped, anyOf([own, capableHere(actor, capability, 'its own')])]);
}

/** May it give the file, found in its root, to another user? */
export function canChown(actor: Actor, path: string): Verdict {
  const found = actor.host.findInRoot({ root: `/proc/${actor.pid}/root`, path });
  if (!found.ok && found.gap.reason === 'gone')
    return allOf([{ by: 'mount', holds: false, errno: 'ENOENT', text: `there is no ${path} in its root` }]);
  if (!found.ok) {
    actor.gaps.add('file', found.gap);
    return allOf([hidden('mount', path, found.gap)]);
  }
  const { status, mount } = found.value;
  const folder = closedFolder(actor.host, `/proc/${actor.pid}/root`, path, actor.credentials, actor.user);
  const reached: Check = {
    by: 'owner',
    holds: folder === null,
    errno: 'EACCES',
    text:
      folder === null ? `no folder on the way to ${path} is closed to it` : `${folder}, on the way, is closed to it`,
  };
  const writable: Check = {
    by: 'mount',
    holds: !mount.readOnly,
    errno: 'EROFS',
    text: mount.readOnly ? `${path} is on a read-only mount` : `${path} is on a mount that can be written`,
  };
  const isMapped = isFileMapped(actor.user, status);
  const mapped: Check = {
    by: 'id_map',
    holds: isMapped,
    errno: 'EPERM',
    text: isMapped
      ? 'its owner and group exist in the user namespace'
      : `its owner or group (uid ${status.uid}, gid ${status.gid} here) does not exist in the user namespace: no capability counts for it`,
  };
  return allOf([reached, writable, mapped, capableHere(actor, CAPABILITY.CHOWN, 'its own')]);
}

/** May it load a kernel module? */
export function canLoadModule(actor: Actor): Verdict {
  const { host } = actor;
  const modules = host.readFile('/proc/modules');
  const hasModules: Check = {
    by: 'kernel',
    holds: modules.ok || modules.gap.reason !== 'gone',
    errno: 'ENOSYS',
    text: modules.ok ? 'this kernel loads modules' : 'this kernel is built without modules: there is no /proc/modules',
  };
  const disabled = valueOf(host.readFile('/proc/sys/kernel/modules_disabled'));
  const isOff = disabled !== undefined && decodeText(disabled).trim() !== '0';
  const enabled: Check = {
    by: 'sysctl',
    holds: !isOff,
    errno: 'EPERM',
    text: isOff ? 'kernel.modules_disabled is 1, until the next boot' : 'kernel.modules_disabled is 0',
  };
  const capable = capableInitial(actor, CAPABILITY.SYS_MODULE, 'the initial one, the only one that counts for modules');
  return allOf([hasModules, capable, enabled]);
}
