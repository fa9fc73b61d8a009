import { Cron } from 'croner'

/** The first moment after `after` that the expression names, in ms; null: there is none, as for the 30th of February. Throws an Error that says what is wrong with it. */
export function dueAfter (cron: string, after: number): number | null {
  return new Cron(cron, { mode: '5-part' }).nextRun(new Date(after))?.getTime() ?? null
}
