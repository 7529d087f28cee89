// Names that systemd made. Source: systemd.unit(5), systemd-escape(1), systemd src/basic/unit-name.c, cgroup-util.c.

/** Bytes that a unit's name cannot hold are written `\xNN` in it. */
export function unescapeUnit(name: string): string {
  if (!name.includes('\\x')) return name;
  // A run of escapes is one text in UTF-8.
  return name.replaceAll(/(?:\\x[0-9a-fA-F]{2})+/g, (run) => {
    const bytes = run.slice(2).split('\\x');
    return new TextDecoder('utf-8').decode(Uint8Array.from(bytes, (digits) => Number.parseInt(digits, 16)));
  });
}

/** The unit whose cgroup has this name, slices not counted; undefined: none. */
export function unitOfSegment(segment: string): string | undefined {
  // A unit whose name could be that of a file of the cgroup file system (`cpu.service`) has a `_` before it.
  const name = segment.startsWith('_') ? segment.slice(1) : segment;
  return /^[^.].*\.(?:service|scope|socket|mount|swap)$/s.test(name) ? name : undefined;
}
