// All files with capabilities that a process sees, each distinct file system looked through once in an audit.

import { CAPABILITY_ATTRIBUTE, decodeFileCapabilities } from '../../capabilities/file-capabilities.ts';
import { KERNEL_FILE_SYSTEMS } from '../../kernel/abi/file-systems.ts';
import { value, type Gap, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import type { CapableFile, CapableFiles, Looked } from './evidence.ts';
import { isWithin, mountAt } from '../../kernel/mount-at.ts';
import { deviceOf } from './mount-places.ts';

/** Those that the kernel makes, as mountinfo names them. */
const KERNEL_TYPES: ReadonlySet<string> = new Set(KERNEL_FILE_SYSTEMS.values());

/** What has been looked through already: of each device the directories of it. */
const walked = memo<string[]>();

/** Where execve(2) takes no capabilities from files, none are looked for. */
export function filesWithCapabilities(look: Looked): Reading<CapableFiles> {
  const mounts = look.ask('mounts');
  if (!mounts.ok) return mounts;
  const files: CapableFile[] = [];
  const gaps: Gap[] = [];
  // What is mounted of a file system in parts is found in the largest one.
  for (const mount of mounts.value.toSorted((a, b) => a.root.length - b.root.length)) {
    const isSeen = mountAt(mounts.value, mount.mountPoint) === mount;
    if (!isSeen || KERNEL_TYPES.has(mount.fsType)) continue;
    if (mount.options.includes('nosuid') || mount.options.includes('noexec')) continue;
    const before = walked(look.around, deviceOf(mount), () => []);
    if (before.some((root) => isWithin(root, mount.root))) continue;
    before.push(mount.root);
    search(look, mount.mountPoint, files, gaps);
  }
  // After chroot(2) its root is on a mount that it does not see.
  if (mountAt(mounts.value, '/') === undefined && isNewRoot(look)) search(look, '/', files, gaps);
  return value({ files, gaps });
}

function isNewRoot({ around, host, pid }: Looked): boolean {
  const root = host.readLink(`/proc/${pid}/root`);
  const before = walked(around, 'chrooted', () => []);
  const name = root.ok ? root.value : `of ${pid}`;
  if (before.includes(name)) return false;
  before.push(name);
  return true;
}

/** By descriptors below the target's root; what is mounted on it is looked through by itself. */
function search({ host, pid }: Looked, mountPoint: string, files: CapableFile[], gaps: Gap[]): void {
  const query = { name: CAPABILITY_ATTRIBUTE, path: mountPoint, root: `/proc/${pid}/root` };
  const searched = host.findAttributes({ ...query, oneFileSystem: true });
  if (!searched.ok) {
    // A single file is mounted there, or it went meanwhile.
    if (searched.gap.errno === 'ENOTDIR') note(mountPoint, host.attribute({ ...query, follow: false }), files, gaps);
    else if (searched.gap.reason !== 'gone') gaps.push(searched.gap);
    return;
  }
  for (const { path, bytes } of searched.value.found) note(path, bytes, files, gaps);
  gaps.push(...searched.value.gaps);
}

function note(path: string, bytes: Reading<Uint8Array | null>, files: CapableFile[], gaps: Gap[]): void {
  if (!bytes.ok) {
    // From this user namespace it has none, or it went meanwhile.
    if (bytes.gap.errno !== 'EOPNOTSUPP' && bytes.gap.reason !== 'gone') gaps.push(bytes.gap);
    return;
  }
  if (bytes.value === null) return;
  const decoded = decodeFileCapabilities(bytes.value);
  if (decoded.ok) files.push({ path, capabilities: decoded.capabilities });
  else gaps.push({ reason: 'malformed', what: path, line: 1, text: decoded.problem });
}
