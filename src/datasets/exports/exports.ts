import type { Readable } from 'node:stream'
import type { Datasets, Split } from '../datasets.ts'
import type { FormatName } from './format.ts'
import { type Summary, spool } from './writing.ts'

/** A file that is ready to be read, once. */
export interface Opened {
  readonly summary: Summary
  /** From byte `start` to before `end`; closes it when all is read or the stream is destroyed. */
  read (start: number, end: number): Readable
  /** In place of reading. */
  close (): Promise<void>
}

/** Versions as files, for whoever asks. */
export interface Exports {
  /**
   * The same version always gives the same bytes, until rows of it are erased.
   * Throws `export_refused`, `export_full` and `export_failed`, and what
   * `Datasets.rows` throws.
   */
  open (dataset: string, split: Split, format: FormatName, signal?: AbortSignal): Promise<Opened>
}

/** `folder`: where there is room for a file that nobody sees. */
export function createExports ({ datasets, folder }: { readonly datasets: Pick<Datasets, 'rows'>, readonly folder: string }): Exports {
  return {
    async open (dataset, split, format, signal) {
      const { file, summary } = await spool(folder, { rows: datasets.rows(dataset, split), format, split, signal })
      return {
        summary,
        read: (start, end) => file.createReadStream({ start, end: end - 1 }),
        close: async () => { await file.close() }
      }
    }
  }
}
