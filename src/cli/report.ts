import { mkdtemp, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Print } from './keys.ts'
import { at } from './run.ts'
import { type Server, ServerError, get } from './server.ts'

/** The flags of `engraft report`. */
export interface ReportFlags { readonly json?: boolean, readonly card?: boolean, readonly out?: string }

/** All that a report may have; which plots it has depends on what was measured. */
const files = ['report.md', 'report.json', 'card.md', 'loss.svg', 'gain.svg', 'slices.svg', 'arena.svg', 'curve.svg']

/** Prints the report of a run, its figures or its model card; or writes all its files into a new folder, whole or not at all. */
export async function report (server: Server, id: string, { json, card, out }: ReportFlags, print: Print): Promise<void> {
  if ([json === true, card === true, out !== undefined].filter(Boolean).length > 1) throw new ServerError('Give one of --json, --card and --out.')
  if (out === undefined) return print((await read(server, id, json === true ? 'report.json' : card === true ? 'card.md' : 'report.md')).trimEnd())
  const texts: [name: string, text: string][] = []
  for (const name of files) {
    const text = await read(server, id, name).catch((error: unknown) => {
      if (error instanceof ServerError && error.code === 'not_found') return null
      throw error
    })
    if (text !== null) texts.push([name, text])
  }
  await write(out, texts)
  print(`${out} has ${texts.map(([name]) => name).join(', ')}.`)
}

async function read (server: Server, id: string, file: string): Promise<string> {
  return await (await get(server, `${at(id)}/report?${new URLSearchParams({ file })}`, {})).text()
}

/** A folder that is there with all files in it, or not at all. */
async function write (out: string, texts: readonly (readonly [name: string, text: string])[]): Promise<void> {
  let beside: string | null = null
  try {
    beside = await mkdtemp(join(dirname(out), `.${basename(out)}-`))
    for (const [name, text] of texts) {
      const file = await open(join(beside, name), 'wx')
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
    }
    await rename(beside, out)
  } catch (error) {
    if (beside !== null) await rm(beside, { recursive: true, force: true })
    const { code, message } = error as NodeJS.ErrnoException
    throw new ServerError(code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' ? `${out} is there already: name a folder that is to be made.` : `${out} cannot be written: ${message}.`)
  }
}
