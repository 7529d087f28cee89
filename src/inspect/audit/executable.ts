// The program that a process runs, and what its file would give whoever executes it again.

import { CAPABILITY_ATTRIBUTE, decodeFileCapabilities } from '../../capabilities/file-capabilities.ts';
import { malformed } from '../../kernel/text/text.ts';
import { value, type Reading } from '../../kernel/host.ts';
import type { Executable, Looked } from './evidence.ts';
import { mountAt } from '../../kernel/mount-at.ts';

/** null: it runs none, as the threads of the kernel. By the link in /proc, which leads to the very file that it runs. */
export function readExecutable({ ask, host, pid }: Looked): Reading<Executable | null> {
  const path = `/proc/${pid}/exe`;
  const link = host.readLink(path);
  if (!link.ok) return link.gap.reason === 'gone' ? value(null) : link;
  const file = host.stat(path);
  if (!file.ok) return file.gap.reason === 'gone' ? value(null) : file;
  const bytes = host.attribute({ path, name: CAPABILITY_ATTRIBUTE, follow: true });
  // A file system without attributes has no capabilities in them.
  if (!bytes.ok && bytes.gap.errno !== 'EOPNOTSUPP') return bytes;
  const decoded = bytes.ok && bytes.value !== null ? decodeFileCapabilities(bytes.value) : null;
  if (decoded?.ok === false) return malformed(path, 1, decoded.problem);
  const mounts = ask('mounts');
  const mount = mounts.ok && link.value.startsWith('/') ? (mountAt(mounts.value, link.value) ?? null) : null;
  return value({ path: link.value, file: file.value, capabilities: decoded?.capabilities ?? null, mount });
}
