// /proc/net/unix, as text: the sockets with a name that somebody listens on. Source: unix(7), net/unix/af_unix.c
// unix_seq_show().

import { decodeText } from './text.ts';

/** __SO_ACCEPTCON: it listens. Source: linux/net.h. */
const LISTENS = '00010000';

/**
 * The names as they were bound, those of abstract sockets with `@` in place of each zero byte. A name may hold a newline:
 * the file does not escape it, so that what follows is passed over unless it looks like a line of the kernel's.
 */
export function parseListeningNames(bytes: Uint8Array): readonly string[] {
  return decodeText(bytes)
    .split('\n')
    .flatMap((line) => {
      const [, flags, name] =
        /^[0-9a-f]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) \S+ \S+ +[0-9]+ (.+)$/.exec(line) ?? [];
      return flags === LISTENS && name !== undefined ? [name] : [];
    });
}
