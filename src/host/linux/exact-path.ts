// Paths as node:fs takes them.

import { encodePath } from '../../kernel/text/file-name.ts';

/** Names that are no UTF-8 reach the kernel as bytes. */
export function exact(path: string): string | Buffer {
  return /[\uDC80-\uDCFF]/.test(path) ? Buffer.from(encodePath(path)) : path;
}
