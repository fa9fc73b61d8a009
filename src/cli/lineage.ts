import type { Print } from './keys.ts'
import { type Server, ask } from './server.ts'
import { table } from './table.ts'

interface Dataset { readonly name: string, readonly version: number }
interface Learnt { readonly adapter: string, readonly run: string | null, readonly datasets: readonly Dataset[], readonly gone: number, readonly people: number, readonly rows: number, readonly data: readonly { readonly row: string, readonly completion: string, readonly split: string }[], readonly has_more: boolean }
interface Row { readonly row: string, readonly completion: string, readonly user: string, readonly versions: readonly (Dataset & { readonly split: string })[], readonly adapters: readonly string[] }
interface Answered { readonly model: string, readonly trained: { readonly run: string, readonly datasets: readonly Dataset[], readonly gone: number } | null }

/** Rows shown of a version that learnt from hundreds. */
const shown = 20

/** From `house@2` to what it learnt from; from the id of an answer or a row, or from a user, to what became of it. */
export async function lineage (server: Server, what: string | undefined, { user, tenant }: { readonly user?: string, readonly tenant?: string }, print: Print): Promise<void> {
  const [, name, version] = /^(.+)@([1-9]\d*)$/.exec(what ?? '') ?? []
  if (name !== undefined && version !== undefined) await ofVersion(server, name, version, print)
  else await ofOrigin(server, origin(what, user, tenant), print)
}

function origin (what: string | undefined, user: string | undefined, tenant: string | undefined): URLSearchParams {
  const query = new URLSearchParams()
  if (what !== undefined) query.set(/cmpl-/.test(what) ? 'completion' : 'row', what)
  if (user !== undefined) query.set('user', user)
  if (tenant !== undefined) query.set('tenant', tenant)
  return query
}

async function ofVersion (server: Server, name: string, version: string, print: Print): Promise<void> {
  const { body } = await ask<Learnt>(server, 'GET', `/admin/adapters/${encodeURIComponent(name)}/lineage?version=${version}&limit=${shown}`)
  if (body.run === null) {
    print(`${body.adapter} was not trained here.`)
    return
  }
  print(`${body.adapter} comes from ${body.run}: ${body.rows} rows of ${body.people} people in ${named(body.datasets)}.${taint(body.gone)}`)
  for (const line of table([['ROW', 'COMPLETION', 'SPLIT'], ...body.data.map(({ row, completion, split }) => [row, completion, split])])) print(line)
  if (body.has_more) print(`… and ${body.rows - body.data.length} more.`)
}

async function ofOrigin (server: Server, query: URLSearchParams, print: Print): Promise<void> {
  const { body: { data, answered } } = await ask<{ data: readonly Row[], answered: Answered | null }>(server, 'GET', `/admin/datasets/lineage?${query}`)
  if (answered !== null) {
    const { model, trained } = answered
    print(trained === null ? `${model} gave this answer, and was not trained here.` : `${model} gave this answer; it comes from ${trained.run} on ${named(trained.datasets)}.${taint(trained.gone)}`)
  }
  if (data.length === 0) print('No row was made of it.')
  else for (const line of table([['ROW', 'COMPLETION', 'USER', 'DATA SETS', 'LEARNT BY'], ...data.map(({ row, completion, user, versions, adapters }) => [row, completion, user, versions.map(({ name, version, split }) => `${name}@${version} (${split})`).join(', '), adapters.join(', ') || '-'])])) print(line)
}

function named (datasets: readonly Dataset[]): string { return datasets.map(({ name, version }) => `${name}@${version}`).join(' and ') }
function taint (gone: number): string { return gone === 0 ? '' : ` ${gone} rows that it learnt from have been erased or withdrawn since: train it anew.` }
