import { readFileSync } from 'node:fs'
import { draw } from '../../privacy/planted.ts'

/** A text with what is personal in it. */
export interface Labelled {
  readonly text: string
  readonly spans: readonly { readonly kind: string, readonly from: number, readonly to: number }[]
  readonly part: 'tune' | 'report'
}

export function lines<Line> (name: string): Line[] {
  return readFileSync(new URL(`../../fixtures/datasets/${name}.jsonl`, import.meta.url), 'utf8').trim().split('\n').map(line => JSON.parse(line) as Line)
}

/** The labelled texts, numbers of cards and accounts filled in. */
export function personalTexts (): Labelled[] {
  const { fill } = draw(11)
  return lines<{ text: string, part: 'tune' | 'report' }>('personal').map(line => {
    const marked = fill(line.text.replace('{iban}', '{iban_de}')).text
    const spans: { kind: string, from: number, to: number }[] = []
    let text = ''
    let at = 0
    for (const { index, 0: { length }, 1: kind, 2: value } of marked.matchAll(/\[\[(\w+)\|([^\]]+)\]\]/g)) {
      text += marked.slice(at, index)
      spans.push({ kind: kind!, from: text.length, to: text.length + value!.length })
      text += value!
      at = index + length
    }
    return { text: text + marked.slice(at), spans, part: line.part }
  })
}

export function ordinaryTexts (part?: 'tune' | 'report'): string[] {
  return lines<{ text: string, part: string }>('personal-none').filter(line => part === undefined || line.part === part).map(({ text }) => text)
}
