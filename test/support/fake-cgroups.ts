// Directories of a cgroup file system that nobody made, as the answers of a recorded host.

/** The files of a directory, by name. */
export type Files = Readonly<Record<string, string>>;

/**
 * The files of each directory, by its path; each has a cgroup.procs. What they do not name is not there. `uids`: the owners
 * of files and directories that are not root's.
 */
export function cgroupAnswers(
  folders: Readonly<Record<string, Files>>,
  uids: Readonly<Record<string, number>> = {},
): Readonly<Record<string, object>> {
  const status = (path: string, mode: number): object => {
    return { status: { dev: '1', ino: '1', mode: String(mode), uid: String(uids[path] ?? 0), gid: '0' } };
  };
  const entries = Object.entries(folders).flatMap(([folder, named]): [string, object][] => {
    const files = { 'cgroup.procs': '', ...named };
    const below = Object.keys(folders).filter((other) => other.slice(0, other.lastIndexOf('/')) === folder);
    const names = [...Object.keys(files), ...below.map((other) => other.slice(folder.length + 1))];
    return [
      [`directory ${folder}`, { names }],
      [`stat ${folder}`, status(folder, 0o040_755)],
      ...Object.entries(files).flatMap(([name, text]): [string, object][] => [
        [`file ${folder}/${name}`, { text }],
        [`stat ${folder}/${name}`, status(`${folder}/${name}`, 0o100_644)],
      ]),
    ];
  });
  return Object.fromEntries(entries);
}
