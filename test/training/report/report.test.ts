import { SaxesParser } from 'saxes'
import t from 'tap'
import { judge } from '../../../src/training/gate.ts'
import type { Measured } from '../../../src/training/measured.ts'
import type { Facts } from '../../../src/training/report/facts.ts'
import { reportOf } from '../../../src/training/report/report.ts'
import type { ReportFile } from '../../../src/training/training.ts'
import { changed, facts, good, interval, thumbs } from '../candidate.ts'

const plots: readonly ReportFile[] = ['loss.svg', 'gain.svg', 'slices.svg', 'arena.svg', 'curve.svg']
/** What ends text, cells, tags, attributes, comments and headers. */
const hostile = '\u0000\ud800</text></svg><script>alert(1)</script> "\'& `x` | [a](b) **b** <!-- ]]> \n---\n# h'

/** The texts and the elements of a picture; throws where it is not well-formed. */
function read (svg: string): { readonly texts: string[], readonly elements: string[], readonly root: Record<string, string> } {
  const parser = new SaxesParser()
  const [texts, elements]: [string[], string[]] = [[], []]
  let root: Record<string, string> | null = null
  parser.on('opentag', ({ name, attributes }) => { elements.push(name); root ??= attributes as Record<string, string> })
  parser.on('text', text => { texts.push(text) })
  parser.on('error', error => { throw error })
  parser.write(svg).close()
  return { texts, elements, root: root! }
}

t.test('a whole report has a page, its figures, a card and five pictures', async t => {
  t.same(new Set(reportOf(facts()).keys()), new Set(['report.md', 'report.json', 'card.md', ...plots]))
})

t.test('each picture is well-formed, has a title and a description, names its axes and runs nothing', async t => {
  for (const measured of [good(), thumbs()]) {
    for (const [file, svg] of reportOf(facts(measured))) {
      if (!file.endsWith('.svg')) continue
      const { texts, elements, root } = read(svg)
      t.equal(root.role, 'img')
      t.strictSame(elements.slice(0, 4), ['svg', 'title', 'desc', 'style'], file)
      t.notOk(elements.some(name => ['script', 'image', 'foreignObject', 'a', 'use'].includes(name)))
      t.ok(texts.some(text => /percentage points|nat a token|ms|step/.test(text)), `${file} says its units`)
      t.notMatch(svg, /NaN|Infinity|undefined|null|https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
      t.match(svg, /prefers-color-scheme:dark/)
    }
  }
})

t.test('nothing is drawn outside its picture', async t => {
  const many = { ...good(), slices: Array.from({ length: 60 }, (_, i) => ({ slice: 'topic', value: `word${i} `.repeat(9), rows: 60 - i, people: 9, gain: interval(0.2 - i / 90, -0.9, 0.9) })) }
  for (const [file, svg] of [...reportOf(facts()), ...reportOf(facts(many)), ...reportOf(facts(thumbs()))]) {
    if (!file.endsWith('.svg')) continue
    const [, , width, height] = read(svg).root.viewBox!.split(' ').map(Number)
    for (const [, key, value] of svg.matchAll(/ (x|cx|x1|x2|y|cy|y1|y2)="([^"]+)"/g)) {
      const most = key!.includes('x') ? width! : height!
      if (Number(value) < 0 || Number(value) > most) t.fail(`${file}: ${key} is ${value} of ${most}`)
    }
  }
})

t.test('every number of the page and of the card is one that was measured, set or a limit', async t => {
  for (const from of [facts(), facts(thumbs()), facts(changed(good(), 'forgetting.kl', 0.7)), { ...facts(), losses: [] }]) {
    const known = numbersOf(from)
    for (const file of ['report.md', 'card.md'] as const) {
      const text = reportOf(from).get(file)!
        .replace(/`[^`]*`/g, '').replace(/\(\w+\.svg\)/g, '').replace(/^---$[\s\S]*?^---$/m, '') // names and sums, checked elsewhere
        .replace(/\d{4}-\d\d-\d\d|sha256/g, '').replaceAll(from.base.name, '').replaceAll(from.base.licence!, '').replaceAll(from.measured.judge!.model, '').replaceAll(from.versions.torch!, '').replaceAll(from.versions.engraft, '')
      for (const [number] of text.matchAll(/-?\d[\d,]*(?:\.\d+)?/g)) {
        const digits = number.split('.')[1]?.length ?? 0
        if (!known.some(value => Math.abs(Number(number.replaceAll(',', '')) - value) <= 0.501 * 10 ** -digits)) t.fail(`${file}: ${number} is from nowhere`)
      }
    }
  }
})

t.test('the verdict comes first, and every step of the gate is told with its words', async t => {
  for (const [measured, title] of [[good(), 'it may go live'], [{ ...good(), people: 11 }, 'a person decides'], [changed(good(), 'overExamples.all', interval(0, -0.1, 0.1)), 'do not fine-tune'], [changed(good(), 'data.rude', 2), 'refused']] as const) {
    const page = reportOf(facts(measured)).get('report.md')!
    const verdict = judge(measured, 'sft')
    t.match(page.split('\n')[0], `house-style on smollm2-135m: ${title}`)
    t.equal(page.split('\n')[2], `**${verdict.words}**`)
    for (const { words } of verdict.steps) t.match(page, words)
  }
})

t.test('what was not measured leaves no empty section and no picture', async t => {
  const bare: Measured = { ...good(), parity: null, forgetting: null, relevance: null, arms: [], gain: { nll: null, wins: null, checks: {}, all: null, margin: null }, overExamples: null, withMemory: null, slices: [], curve: null, judge: null, bestEpoch: null }
  const report = reportOf({ ...facts(bare), losses: [] })
  t.same(new Set(report.keys()), new Set(['report.md', 'report.json', 'card.md']))
  const page = report.get('report.md')!
  t.notMatch(page, /svg/)
  for (const title of ['What it gained', 'Who answers', 'What a judge says', 'Parts of the held-out rows', 'Would more data help?', 'How the training went']) t.notMatch(page, `## ${title}`)
  t.notMatch(page, /^## [^\n]*\n+(?:##|$(?![\s\S]))/m, 'no heading has nothing below it')
  t.notMatch(page + report.get('card.md')!, /null|undefined|NaN/)

  const one = reportOf(facts({ ...good(), curve: null, judge: null, withMemory: null }))
  t.notOk(one.has('curve.svg'))
  t.notMatch(one.get('report.md')!, /Would more data help|judge|memory/)
  t.notMatch(one.get('gain.svg')!, /memory/)
})

t.test('names that are made to break out of a page, a header or a picture stay names', async t => {
  const wild = changed(changed({ ...good(), gain: { ...good().gain, checks: { [hostile]: interval(0.5) } }, judge: { model: hostile, rows: 110, wins: interval(0.8) } }, 'slices', [{ slice: hostile, value: hostile, rows: 3, people: 2, gain: interval(0.1) }]), 'extraction.reproduced', [hostile])
  const from = facts(wild)
  const report = reportOf({ ...from, run: { ...from.run, id: hostile, wanted: { ...from.run.wanted, name: hostile, dataset: hostile, hyper: { [hostile]: hostile } } }, dataset: { ...from.dataset, name: hostile }, base: { name: hostile, digest: hostile, licence: hostile } })
  for (const [file, text] of report) {
    t.ok(text.isWellFormed() && !text.includes('\u0000'), file)
    if (file.endsWith('.svg')) t.notOk(read(text).elements.includes('script'), file)
    // Between back ticks nothing is Markdown, and JSON holds it as a string.
    else if (file.endsWith('.md')) {
      const bare = text.replace(/^---\n[\s\S]*?\n---\n/, '').replace(/`[^`\n]*`/g, '')
      t.notMatch(bare, /(?<!\\)<|(?<!\\)\[a|\*\*b\*\*/, file)
      t.notMatch(bare, /^#+ h|^---$/m, file)
      t.strictSame(bare.split('\n').filter(line => line.startsWith('|') && cells(line) < 2), [], file)
    }
  }
  const page = report.get('report.md')!
  const widths = page.split('\n\n').filter(block => block.startsWith('|')).map(block => new Set(block.split('\n').map(cells)).size)
  t.ok(widths.length > 5 && widths.every(size => size === 1), 'every row of a table has as many cells as its head')
  const header = headerOf(report.get('card.md')!)
  t.equal(header.base_model, hostile)
  t.equal((header.engraft as Record<string, string>).run, hostile)
})

t.test('figures that are not numbers are told as such, and drawn nowhere', async t => {
  let wrong = good()
  for (const path of ['gain.all.low', 'gain.nll.mean', 'slices.0.gain.high', 'arms.1.firstToken', 'curve.1.all.mean', 'forgetting.kl', 'parity.after.error']) wrong = changed(wrong, path, NaN)
  const from = facts(wrong)
  const report = reportOf({ ...from, losses: [{ step: 0, loss: 4 }, { step: 1, loss: NaN, valid: Infinity }, { step: 2, loss: 3 }] })
  for (const file of plots) t.notMatch(read(report.get(file)!).texts.join(' ') + report.get(file)!.replace(/<text[\s\S]*?<\/text>/g, ''), /NaN|Infinity|not a number/, file)
  t.match(report.get('report.md')!, /forgetting\.kl is not a number/)
  t.notMatch(report.get('report.md')!, /NaN/)
  t.equal(JSON.parse(report.get('report.json')!).measured.forgetting.kl, 'NaN')
})

t.test('the card has the header of the Hub, with where it all is from', async t => {
  const header = (licence: string | null): Record<string, unknown> => headerOf(reportOf({ ...facts(), base: { ...facts().base, licence } }).get('card.md')!)
  const { engraft, ...rest } = header('Apache-2.0')
  t.strictSame(rest, { license: 'apache-2.0', base_model: 'smollm2-135m', base_model_relation: 'adapter', pipeline_tag: 'text-generation', tags: ['lora', 'gguf', 'engraft'] })
  t.match(engraft, { dataset_id: 'ds_0123456789abcdef01234567', dataset_sha256: 'cd'.repeat(32), base_sha256: 'ef'.repeat(32), adapter_sha256: 'ab'.repeat(32), method: 'sft' })
  t.match(header('Llama-3.2'), { license: 'llama3.2' })
  t.match(header('Falcon LLM'), { license: 'other', license_name: 'Falcon LLM' })
  t.match(header(null), { license: 'unknown' })
})

t.test('the page says by what the same bytes are trained again', async t => {
  const page = reportOf(facts()).get('report.md')!
  for (const fact of ['cd'.repeat(32), 'ef'.repeat(32), 'ab'.repeat(32), '| Seed | 7 |', '{"epochs":3,"seed":7}', '0.1.0', '2.13.0']) t.match(page, fact)
})

t.test('the JSON holds the run, what was measured and the verdict as they were', async t => {
  const from = facts()
  const { run, measured, verdict } = JSON.parse(reportOf(from).get('report.json')!) as Facts
  t.strictSame({ run, measured, verdict }, { run: from.run, measured: from.measured, verdict: from.verdict })
})

t.test('the curve tells whether more data would help, by the last doubling', async t => {
  const page = (half: number, whole: number): string => reportOf(facts({
    ...good(),
    curve: [{ share: 1, rows: 82, nll: null, all: interval(whole, whole - 0.1, whole + 0.1) }, { share: 0.5, rows: 41, nll: null, all: interval(half, half - 0.1, half + 0.1) }]
  })).get('report.md')!
  t.match(page(0.5, 0.7), /More data would help.*From 41 to 82 rows the gain changed by 20\.0 percentage points/)
  t.match(page(0.6, 0.65), /More data may help/)
  t.match(page(0.7, 0.71), /More of the same data would hardly help/)
  t.match(page(0.7, 0.5), /More of the same data would hardly help/)
})

t.test('a row that was erased since is said first', async t => {
  const from = facts()
  const report = reportOf({ ...from, run: { ...from.run, erased: 2 } })
  t.match(report.get('report.md')!.split('\n')[4], /2 rows have been erased/)
  t.match(report.get('card.md')!, /2 rows of its data set have been erased/)
})

function cells (line: string): number { return line.replace(/`[^`]*`/g, '').match(/(?<!\\)\|/g)?.length ?? 0 }

/** Each value is written as JSON, which YAML reads alike. */
function headerOf (card: string): Record<string, unknown> {
  const [, header] = /^---\n([\s\S]*?)\n---\n/.exec(card)!
  return Object.fromEntries(header!.split('\n').map(line => {
    const [, key, value] = /^(\w+): (.*)$/.exec(line)!
    return [key!, JSON.parse(value!)]
  }))
}

/** Every number that may be told: what is given, as it is, as a percentage, negative and in minutes; what follows from it; and what the gate and the method fix. */
function numbersOf (from: Facts): number[] {
  const given: number[] = []
  const walk = (value: unknown): void => {
    if (typeof value === 'number') given.push(value)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk)
  }
  walk(from)
  const { parity, curve } = from.measured
  const [half, whole] = curve!.slice(-2)
  const derived = [2.5 * parity!.before.error + 0.002, 0.05 * parity!.gain.torch + 0.05, 0.8 * from.measured.relevance!.base.mean, whole!.all!.mean - half!.all!.mean, whole!.nll!.mean - half!.nll!.mean, from.measured.extraction.reproduced.length]
  const fixed = [0, 0.5, 1, 2, 5.7, 20, 50, 75, 80, 95, 2000, 0.002, 0.02, 0.03, 0.05, 0.12, 0.2, 0.25, 2.5]
  return [...[...given, ...derived].flatMap(number => [number, -number, 100 * number, number / 60_000]), ...fixed]
}
