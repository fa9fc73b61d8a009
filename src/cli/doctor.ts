/** One thing that was looked at. `remedy` says what to do about it. */
export interface Finding {
  readonly state: 'ok' | 'warning' | 'fault'
  readonly subject: string
  readonly words: string
  readonly remedy?: string
}

/** A check by its subject; what it throws is a fault of its own. */
export type Check = readonly [subject: string, look: () => Promise<Omit<Finding, 'subject'>>]

const signs = { ok: '✓', warning: '!', fault: '✗' } as const
const colours = { ok: 32, warning: 33, fault: 31 } as const

/** Runs the checks in order and prints each as it is done. Resolves to whether nothing is at fault. */
export async function doctor (checks: readonly Check[], output: NodeJS.WritableStream & { isTTY?: boolean }): Promise<boolean> {
  const width = Math.max(...checks.map(([subject]) => subject.length))
  const counts = { ok: 0, warning: 0, fault: 0 }
  for (const [subject, look] of checks) {
    const { state, words, remedy } = await look().catch((error: unknown): Omit<Finding, 'subject'> => ({ state: 'fault', words: error instanceof Error ? error.message : String(error) }))
    counts[state]++
    const sign = output.isTTY === true ? `\u001B[${colours[state]}m${signs[state]}\u001B[0m` : signs[state]
    output.write(`${sign} ${subject.padEnd(width)}  ${words}\n`)
    if (remedy !== undefined) output.write(`  ${' '.repeat(width)}  → ${remedy}\n`)
  }
  output.write(counts.fault > 0
    ? `\n${counts.fault} of ${checks.length} checks found something that must be changed.\n`
    : `\nEverything that is needed is there${counts.warning > 0 ? `; ${counts.warning} thing${counts.warning === 1 ? '' : 's'} could be better` : ''}.\n`)
  return counts.fault === 0
}
