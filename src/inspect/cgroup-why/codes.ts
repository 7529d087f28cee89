// What `cgroup why` can find, by code: a title for each. docs/findings has a page for each of them.

export type WhyCode = `W${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19}`;

const whyTitles: Readonly<Record<WhyCode, string>> = {
  W1: 'held back by a quota',
  W2: 'waits for processors that others have',
  W3: 'runs only when nobody else wants to (cpu.idle)',
  W4: 'fewer processors than it may or wants to use',
  W5: 'killed by its own memory limit',
  W6: "killed by an ancestor's memory limit",
  W7: 'killed because the host ran out of memory',
  W8: 'killed with its whole group',
  W9: 'slowed down by memory.high',
  W10: 'swap evades the memory limit',
  W11: 'out of memory, and the killer is off',
  W12: 'gives memory back to stay below its limit',
  W13: 'cannot fork',
  W14: 'held to the rate of a disk limit',
  W15: 'waits for disks',
  W16: 'frozen',
  W17: 'removed cgroups that are still held',
  W18: 'a limit of huge pages was met',
  W19: 'a limit that was never reached',
};

export const whyCodes: readonly string[] = Object.keys(whyTitles);

export function whyTitle(code: string): string {
  return (whyTitles as Readonly<Record<string, string>>)[code] ?? code;
}
