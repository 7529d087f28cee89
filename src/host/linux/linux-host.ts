// The live machine behind the port.

import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { value, type Host, type Reading } from '../../kernel/host.ts';
import { gapOfError } from '../gap-of-error.ts';
import { attribute, mountOf } from './attribute.ts';
import { findAttributes } from './find-attributes.ts';
import { readFileInRoot } from './file-in-root.ts';
import { foundInRoot } from './found-in-root.ts';
import { folders } from './folders.ts';
import { loggedRecords } from './kernel-log.ts';
import { legacyTable } from './legacy-table.ts';
import { listNamespaces } from './list-namespaces.ts';
import { messageQueues } from './message-queues.ts';
import { mounts } from './mounts.ts';
import { askNetlink } from './netlink-socket.ts';
import { networkSettings } from './network-settings.ts';
import { askNamespace, mountNamespaces } from './nsfs.ts';
import { processNumber, sharesFiles } from './pidfd.ts';
import { securebits } from './securebits.ts';
import { readFileInside } from './read-inside.ts';
import { exact } from './exact-path.ts';
import { statusOf, wholeFile } from './whole-file.ts';
import { tree } from './tree.ts';

export function linuxHost(): Host {
  return {
    self: { pid: process.pid, uid: process.geteuid?.() ?? 0 },
    readFile: (path, lines) => reading(path, () => wholeFile(exact(path), lines)),
    readFileInside,
    readFileInRoot,
    findInRoot: foundInRoot,
    attribute,
    findAttributes,
    mountOf,
    readLink: (path) => reading(path, () => readlinkSync(exact(path))),
    readDirectory: (path) => reading(path, () => readdirSync(exact(path))),
    stat: (path) => reading(path, () => statusOf(statSync(exact(path), { bigint: true }))),
    tree,
    folders,
    askNamespace,
    netlink: askNetlink,
    networkSettings,
    legacyTable,
    messageQueues,
    sharesFiles,
    processNumber,
    securebits,
    kernelLog: loggedRecords,
    mountNamespaces,
    mounts,
    listNamespaces,
  };
}

function reading<T>(what: string, read: () => T): Reading<T> {
  try {
    return value(read());
  } catch (error) {
    return gapOfError(what, error);
  }
}
