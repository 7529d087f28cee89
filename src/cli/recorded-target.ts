// `FILE::TARGET` names a target in a recorded host.

export interface RecordedTarget {
  readonly word: string;
  /** The archive's file; absent: this machine. */
  readonly recording?: string;
}

export function splitRecorded(word: string): RecordedTarget;
export function splitRecorded(word: string | undefined): RecordedTarget | undefined;
export function splitRecorded(word: string | undefined): RecordedTarget | undefined {
  if (word === undefined) return undefined;
  const at = word.lastIndexOf('::');
  return at <= 0 ? { word } : { word: word.slice(at + 2), recording: word.slice(0, at) };
}
