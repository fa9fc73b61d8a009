import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

interface Schedule { readonly id: string, readonly tenant: string, readonly dataset: string, readonly format: string, readonly split: string, readonly cron: string | null, readonly rows: number | null, readonly next_at: string | null, readonly failure: { readonly message: string } | null }
interface Exported { readonly schedule: string | null, readonly path: string, readonly created_at: string, readonly rows: number, readonly removed_at: string | null }

/** The flags of `engraft datasets schedule add`. */
export interface ScheduleFlags { readonly format?: string, readonly cron?: string, readonly rows?: string, readonly split?: string, readonly folder?: string, readonly tenant?: string }

/** Exports a data set again and again. */
export async function addSchedule (server: Server, dataset: string, { rows, ...flags }: ScheduleFlags, print: Print): Promise<void> {
  const { format, cron, split, folder, tenant } = flags
  const { body } = await ask<Schedule>(server, 'POST', '/admin/schedules', { dataset, format, cron, split, folder, tenant, rows: rows === undefined ? undefined : wholeIn(rows) })
  print(`${body.id} exports ${dataset} ${whenOf(body)}.`)
}

/** Prints one aligned line a schedule, with its last file or what went wrong. */
export async function listSchedules (server: Server, print: Print): Promise<void> {
  const { body: { data: schedules } } = await ask<{ data: readonly Schedule[] }>(server, 'GET', '/admin/schedules')
  const { body: { data: files } } = await ask<{ data: readonly Exported[] }>(server, 'GET', '/admin/exports')
  if (schedules.length === 0) print('Nothing is exported by itself.')
  else for (const line of table([['ID', 'DATASET', 'FORMAT', 'SPLIT', 'WHEN', 'LAST'], ...schedules.map(schedule => cells(schedule, files))])) print(line)
}

export async function removeSchedule (server: Server, id: string, print: Print): Promise<void> {
  await ask(server, 'DELETE', `/admin/schedules/${encodeURIComponent(id)}`)
  print(`${id} is ended; its files stay.`)
}

function cells (schedule: Schedule, files: readonly Exported[]): string[] {
  const { id, tenant, dataset, format, split, failure } = schedule
  const last = files.find(file => file.schedule === id && file.removed_at === null)
  return [id, `${tenant}/${dataset}`, format, split, whenOf(schedule), failure?.message ?? (last === undefined ? 'nothing yet' : `${last.path}, ${last.rows} rows`)]
}

function whenOf ({ cron, rows, next_at: next }: Schedule): string {
  return cron === null ? `after ${rows} new corrections, verdicts or approvals` : `at '${cron}'${next === null ? '' : `, next ${next.slice(0, 16).replace('T', ' ')} UTC`}`
}

function wholeIn (text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new ServerError(`--rows is '${text}', but must be a whole number from 1.`)
  return Number(text)
}
