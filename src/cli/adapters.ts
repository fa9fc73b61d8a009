import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Print } from './keys.ts'
import type { Output } from './progress.ts'
import { showProgress } from './pull.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

/** What the server says of a version, as far as it is shown here. */
interface Version {
  readonly name: string
  readonly version: number
  readonly size_bytes: number
  readonly base: string
  readonly base_verified: boolean
  readonly rank: number
  readonly source: string
  readonly created_at: string
  readonly state: string
  readonly resident: boolean
  readonly tainted: { readonly rows: number } | null
}

interface Adapter { readonly name: string, readonly base: string, readonly live: number | null, readonly pinned: boolean, readonly versions: readonly Version[] }

/** What an offline check found of a file that passed it. */
export interface Checked { readonly base: string, readonly baseVerified: boolean, readonly rank: number, readonly alpha: number, readonly tensors: number }

/** Registers a file of this machine, or what a source holds (`file:` is the server's own machine), and promotes it if asked to. */
export async function addAdapter (server: Server, name: string, what: string, { base, promote }: { readonly base?: string, readonly promote?: boolean }, print: Print, progress: Output): Promise<void> {
  const { status, body: added } = /^(?:file|hf|https):/.test(what)
    ? await ask<Version>(server, 'POST', '/admin/adapters', { name, source: what, ...(base !== undefined && { base }) })
    : await upload(server, name, what, base, progress)
  const reference = `${name}@${added.version}`
  print(status === 201
    ? `${reference} is registered: ${megabytes(added.size_bytes)} MB, rank ${added.rank}, on ${added.base}${added.base_verified ? '' : ' (the file does not prove that it was trained for it)'}.`
    : `${reference} has these bytes already.`)
  if (promote === true) await promoteAdapter(server, name, String(added.version), print)
  else if (added.state !== 'live') print(`It does not answer yet: 'engraft adapters promote ${name} ${added.version}' lets it.`)
}

/** Prints one aligned line a version. */
export async function listAdapters (server: Server, print: Print): Promise<void> {
  const { body: { data } } = await ask<{ data: readonly Adapter[] }>(server, 'GET', '/admin/adapters')
  if (data.length === 0) {
    print("There are no adapters yet: 'engraft adapters add NAME FILE' brings one.")
    return
  }
  const rows = data.flatMap(({ versions, pinned }) => versions.map(version => cells(version, pinned)))
  for (const line of table([['NAME', 'VERSION', 'STATE', 'IN MEMORY', 'BASE', 'RANK', 'MB', 'ADDED', 'SOURCE'], ...rows])) print(line)
}

export async function promoteAdapter (server: Server, name: string, version: string, print: Print): Promise<void> {
  await ask(server, 'POST', `${at(name)}/promote`, { version: Number(version) })
  print(`${name}@${version} answers as ${name} now.`)
}

export async function rollbackAdapter (server: Server, name: string, print: Print): Promise<void> {
  const { body } = await ask<Adapter>(server, 'POST', `${at(name)}/rollback`)
  print(`${name}@${body.live} answers as ${name} again.`)
}

export async function retireAdapter (server: Server, name: string, print: Print): Promise<void> {
  await ask(server, 'POST', `${at(name)}/retire`)
  print(`${name} answers no more; its versions stay registered.`)
}

export async function pinAdapter (server: Server, name: string, { off }: { readonly off?: boolean }, print: Print): Promise<void> {
  await ask(server, 'POST', `${at(name)}/pin`, { pinned: off !== true })
  print(off === true ? `${name} may leave memory when others need the room.` : `The live version of ${name} stays in memory.`)
}

/** Removes `house` with all its versions, or `house@7`. */
export async function removeAdapter (server: Server, reference: string, print: Print): Promise<void> {
  const [, name = reference, version] = /^(.+)@(.*)$/.exec(reference) ?? []
  await ask(server, 'DELETE', `${at(name)}${version === undefined ? '' : `?version=${encodeURIComponent(version)}`}`)
  print(`${reference} is gone.`)
}

/** Checks a file as an upload would be, without a server. Throws the check's own error. */
export async function checkAdapter (file: string, check: (file: string) => Promise<Checked>, print: Print): Promise<void> {
  const { base, baseVerified, rank, alpha, tensors } = await check(file)
  print(`${basename(file)} fits ${base}: rank ${rank}, alpha ${alpha}, ${tensors} tensors. ${baseVerified ? 'It says itself that it was trained for this very base.' : 'It does not prove that it was trained for this base.'}`)
}

async function upload (server: Server, name: string, path: string, base: string | undefined, output: Output) {
  const found = await stat(path).catch(() => null)
  if (found?.isFile() !== true) throw new ServerError(`There is no file ${path}: name one, or a source (file:, hf: or https:).`)
  const form = new FormData()
  form.set('name', name)
  if (base !== undefined) form.set('base', base)
  // Last, so that the server knows what it gets before the first byte; read as it is sent.
  form.set('file', await openAsBlob(path), basename(path))
  const { body, headers } = new Response(form)
  const display = showProgress(output)
  let sent = 0
  const counted = body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
    transform (chunk, controller) {
      // The form's own lines are sent too, and are no part of the file: what comes once it is complete is not shown.
      if (sent < found.size) {
        sent = Math.min(found.size, sent + chunk.byteLength)
        display.show({ file: path, source: 'this machine', received: sent, total: found.size })
      }
      controller.enqueue(chunk)
    }
  }))
  try {
    return await ask<Version>(server, 'POST', '/admin/adapters', new Response(counted, { headers }))
  } finally {
    display.end()
  }
}

function at (name: string): string { return `/admin/adapters/${encodeURIComponent(name)}` }

function cells ({ name, version, state, resident, tainted, base, base_verified: verified, rank, size_bytes: size, created_at: created, source }: Version, pinned: boolean): string[] {
  return [name, String(version), [state, ...pinned && state === 'live' ? ['pinned'] : [], ...tainted === null ? [] : ['tainted']].join(', '), resident ? 'yes' : 'no', verified ? base : `${base} (unverified)`, String(rank), megabytes(size), `${created.slice(0, 16)}Z`, source]
}

function megabytes (bytes: number): string { return (bytes / 1e6).toFixed(1) }
