// The POSIX message queues of an ipc namespace. A mount that is attached nowhere has all of them; it ends with its
// descriptor. Source: mq_overview(7), fsopen(2), fsmount(2) (Linux 5.2).

import { closeSync, readdirSync, statSync } from 'node:fs';
import { doorText } from '../../kernel/door.ts';
import { value, type MessageQueueFile, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { MOUNT_ATTR, mountDetached } from './detached-mount.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';
import { statusOf, wholeFile } from './whole-file.ts';

const HARMLESS = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;

export function messageQueues(door?: NamespaceDoor): Reading<readonly MessageQueueFile[]> {
  const what = door === undefined ? 'message queues' : `message queues in ${doorText(door)}`;
  let mount = -1;
  try {
    mount = door === undefined ? mountQueues() : mountThrough(door);
    // What was mounted there stays it, also from here: only mounting depends on the namespace.
    return value(queuesBelow(`/proc/thread-self/fd/${mount}`));
  } catch (error) {
    return gapOfThrown(what, error);
  } finally {
    if (mount >= 0) closeSync(mount);
  }
}

function mountThrough(door: NamespaceDoor): number {
  const fd = openDoor(door);
  try {
    return inNamespace('ipc', fd, mountQueues);
  } finally {
    closeSync(fd);
  }
}

function mountQueues(): number {
  return mountDetached('mqueue', HARMLESS);
}

function queuesBelow(folder: string): readonly MessageQueueFile[] {
  const queues: MessageQueueFile[] = [];
  // A name may be any bytes.
  for (const name of readdirSync(folder, 'buffer')) {
    const queue = readQueue(Buffer.concat([Buffer.from(`${folder}/`), name]));
    if (queue !== undefined) queues.push({ name: decodeText(name), ...queue });
  }
  return queues;
}

/** undefined: it was removed meanwhile. */
function readQueue(path: Buffer): Omit<MessageQueueFile, 'name'> | undefined {
  try {
    const status = statusOf(statSync(path, { bigint: true }));
    return { status, bytes: contentOf(path) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function contentOf(path: Buffer): Uint8Array | null {
  try {
    return wholeFile(path);
  } catch (error) {
    if (codeOf(error) === 'EACCES') return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
