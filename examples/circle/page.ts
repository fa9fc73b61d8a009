import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Interval, Measured } from '../../src/training/measured.ts'

/** A page that is told while it happens, and kept. */
export interface Page {
  /** Begins a chapter, with how long it has been. */
  chapter (title: string): void
  say (...lines: readonly string[]): void
  /** Writes what was told. */
  keep (path: string): Promise<void>
}

export function openPage (): Page {
  const began = Date.now()
  const lines: string[] = []
  const say = (...told: readonly string[]): void => {
    for (const line of told) console.log(line)
    lines.push(...told)
  }
  return {
    chapter (title) { say('', `## ${title}`, `_${minutes(Date.now() - began)} minutes_`, '') },
    say,
    async keep (path) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, `${lines.join('\n')}\n`)
    }
  }
}

export function minutes (ms: number): string { return (ms / 60_000).toFixed(1) }

/** Who answered the held-out people how well. */
export function arms ({ arms: found }: Measured): string[] {
  return [
    '| Who answers | keeps to all rules | names item and topic | first token | prompt |',
    '|---|---|---|---|---|',
    ...found.map(({ name, all, checks, firstToken, promptTokens }) => `| ${name} | ${share(all)} | ${share(checks['item and topic'] ?? null)} | ${firstToken.toFixed(0)} ms | ${promptTokens.toFixed(0)} tokens |`)
  ]
}

export function gain (name: string, interval: Interval | null): string {
  return interval === null ? `${name}: nothing to compare.` : `${name}: **${points(interval.mean)} points** (${points(interval.low)} to ${points(interval.high)}, over people)`
}

function share (interval: Interval | null): string { return interval === null ? '-' : `${(100 * interval.mean).toFixed(0)} % (${(100 * interval.low).toFixed(0)} to ${(100 * interval.high).toFixed(0)})` }

function points (of: number): string { return `${of < 0 ? '−' : '+'}${Math.abs(100 * of).toFixed(0)}` }

export function quoted (who: string, text: string): string[] { return [`**${who}:**`, ...text.trim().split('\n').map(line => `> ${line}`), ''] }
