import type { Manifest } from '../backup/manifest.ts'
import type { Print } from './keys.ts'
import { megabytes } from './serve.ts'

/** `engraft backup`: says what is in it. */
export async function backup (target: string, create: () => Promise<Manifest>, print: Print): Promise<void> {
  print(`${target} holds ${contents(await create())}.`)
  print('Models are not in it, since they can be fetched again. All that users said is: keep it where only you can read it.')
}

/** `engraft restore`: says what came back, and where the old is. */
export async function restore (data: string, bring: () => Promise<{ readonly manifest: Manifest, readonly kept: string | null }>, print: Print): Promise<void> {
  const { manifest, kept } = await bring()
  print(`${data} now holds ${contents(manifest)}, from ${manifest.made}.`)
  if (kept !== null) print(`The database that was there is ${kept}. It holds all that it held: delete it when you no longer need it.`)
}

function contents ({ files, schema }: Manifest): string {
  const [database, ...adapters] = files
  const count = adapters.length
  const bytes = adapters.reduce((sum, { size }) => sum + size, 0)
  return `the database (${megabytes(database?.size ?? 0)} MB, version ${schema}) and ${count === 0 ? 'no adapters' : `${count} adapter file${count === 1 ? '' : 's'} (${megabytes(bytes)} MB)`}`
}
