import { readFile } from 'node:fs/promises'
import { valueOf } from './datasets.ts'
import { ServerError } from './server.ts'

/** The list of checks that a JSON file holds; the server says what is wrong with one. Throws `ServerError` where it cannot be read. */
export async function checksIn (file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    throw new ServerError(`--checks is '${file}', which cannot be read as JSON: ${(error as Error).message}.`)
  }
}

/** What a `--hyper KEY=VALUE` says. Throws `ServerError` where it is none. */
export function settingIn (given: string): [key: string, value: unknown] {
  const [, key, value] = /^(\w+)=(.+)$/s.exec(given) ?? []
  if (key === undefined || value === undefined) throw new ServerError(`--hyper is '${given}', but must be KEY=VALUE, as epochs=2.`)
  return [key, valueOf(value)]
}
