// Directories of a cgroup file system that nobody made, as the answers of a recorded host.

/** The files of each directory, by its path; each has a cgroup.procs. What they do not name is not there. */
export function cgroupAnswers(
  folders: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Readonly<Record<string, object>> {
  const entries = Object.entries(folders).flatMap(([folder, named]): [string, object][] => {
    const files = { 'cgroup.procs': '', ...named };
    const below = Object.keys(folders).filter((other) => other.slice(0, other.lastIndexOf('/')) === folder);
    const names = [...Object.keys(files), ...below.map((other) => other.slice(folder.length + 1))];
    return [
      [`directory ${folder}`, { names }],
      [`stat ${folder}`, status(0o040_755)],
      ...Object.entries(files).flatMap(([name, text]): [string, object][] => [
        [`file ${folder}/${name}`, { text }],
        [`stat ${folder}/${name}`, status(0o100_644)],
      ]),
    ];
  });
  return Object.fromEntries(entries);
}

function status(mode: number): object {
  return { status: { dev: '1', ino: '1', mode: String(mode), uid: '0', gid: '0' } };
}
