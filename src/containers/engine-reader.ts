// What is common to the readers of engines' files, of which there is one a file.

import { memo } from '../kernel/memo.ts';
import type { Gap, Reading } from '../kernel/host.ts';
import { parsePasswdHomes } from '../kernel/text/passwd.ts';
import { readEngineFile, readEngineJson, type Files, type Root } from './files.ts';
import type { Engine, Sandbox } from './identity.ts';
import type { Json } from './json.ts';

/** What an engine's files say about a container. null: they do not say. */
export interface Facts {
  /** Absent (null) where the files fit what the path told. */
  readonly engine: Engine | null;
  readonly name: string | null;
  readonly image: string | null;
  readonly pod: string | null;
  readonly podNamespace: string | null;
  readonly podUid: string | null;
  readonly sandbox: Sandbox | null;
  /** What else should have been read, and was not. */
  readonly gaps: readonly Gap[];
}

export const noFacts: Facts = {
  engine: null,
  name: null,
  image: null,
  pod: null,
  podNamespace: null,
  podUid: null,
  sandbox: null,
  gaps: [],
};

/** From where an engine's usual folders are looked at. */
export interface Place {
  /** Empty, or the root of a process in the container that the engine itself runs in. */
  readonly prefix: string;
  /** The plain user whose engine it is; null: root's. */
  readonly uid: number | null;
}

/** One engine's files. */
export interface EngineReader {
  /** Its usual folders, and those that its configuration names, the likeliest first. */
  readonly roots: (shelf: Shelf, place: Place) => readonly Root[];
  /** Errors: gone where it does not know the container; denied, malformed and unsupported as found. */
  readonly container: (shelf: Shelf, root: Root, id: string, podUid: string | null) => Reading<Facts>;
  /** Its folder, from that of one container which its monitor process works in. */
  readonly rootOfBundle?: (bundle: string) => string | undefined;
}

/** The files of one look at a machine: what `memo` keeps is kept as long as this. */
export class Shelf {
  readonly files: Files;

  constructor(files: Files) {
    this.files = files;
  }

  json(path: string, owner?: number): Reading<Json> {
    return readEngineJson(this.files, path, owner);
  }

  bytes(path: string, owner?: number): Reading<Uint8Array> {
    return readEngineFile(this.files, path, owner);
  }

  /** The home of a user. Absent: not in /etc/passwd. */
  home(uid: number): string | undefined {
    return homes(this, '', () => {
      const bytes = this.files.readFile('/etc/passwd');
      return bytes.ok ? parsePasswdHomes(bytes.value) : new Map<number, string>();
    }).get(uid);
  }
}

const homes = memo<ReadonlyMap<number, string>>();
