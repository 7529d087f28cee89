// Files whose text depends on the namespace of the thread that reads them.

import { closeSync } from 'node:fs';
import { insideText } from '../../kernel/door.ts';
import { value, type InsideQuery, type Reading } from '../../kernel/host.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';
import { wholeFile } from './whole-file.ts';

export function readFileInside(query: InsideQuery): Reading<Uint8Array> {
  let fd = -1;
  try {
    fd = openDoor(query.door);
    return value(inNamespace(query.kind, fd, () => wholeFile(query.path)));
  } catch (error) {
    return gapOfThrown(insideText(query), error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
