// `FILE::TARGET` names a target in a recorded host. A path of the TARGET may have `::` too, and is all from `::/` on; without
// FILE it is one of this machine.

export interface RecordedTarget {
  readonly word: string;
  /** The archive's file; absent: this machine. */
  readonly recording?: string;
}

export function splitRecorded(word: string): RecordedTarget;
export function splitRecorded(word: string | undefined): RecordedTarget | undefined;
export function splitRecorded(word: string | undefined): RecordedTarget | undefined {
  if (word === undefined) return undefined;
  const path = word.indexOf('::/');
  if (path === 0) return { word: word.slice(2) };
  const at = path > 0 ? path : word.lastIndexOf('::');
  return at <= 0 ? { word } : { word: word.slice(at + 2), recording: word.slice(0, at) };
}
