import { counted, nats, points } from '../wording.ts'
import { datasetOf, day, methods, seedOf, type Facts } from './facts.ts'
import { code, list, plain, section } from './markdown.ts'

/** Licences that the Hugging Face Hub knows by the same name, in lower case; others are told as `other` with their name. */
const hubLicences = new Set(['apache-2.0', 'mit', 'gemma', 'llama3', 'llama3.1', 'llama3.2', 'llama3.3', 'bsd-2-clause', 'bsd-3-clause', 'cc-by-4.0', 'cc-by-sa-4.0', 'cc-by-nc-4.0', 'openrail', 'bigscience-openrail-m'])

/** A model card in the form of the Hugging Face Hub. */
export function cardOf (facts: Facts): string {
  const { run, verdict, base } = facts
  return [
    header(facts),
    `# ${plain(run.wanted.name)}`,
    `A LoRA adapter for ${plain(base.name)}, made with Engraft. ${plain(verdict.words)}`,
    ...section('Where it is from', lineage(facts)),
    ...section('What it is for', `To answer as people corrected and approved answers of ${plain(base.name)} in the data set ${code(datasetOf(facts.dataset))}, on questions like theirs, on exactly the base that is named above.`),
    ...section('Limits', limits(facts)),
    ...section('How it was evaluated', evaluation(facts)),
    ...section('Licence', `Of the base: ${plain(base.licence ?? 'unknown')}. An adapter is of use with its base only, whose terms apply. What the data may be used for is for those to say who gave it.`)
  ].join('\n\n') + '\n'
}

/** YAML, in which every value is written as JSON: what a name holds cannot end it. */
function header ({ run, base, dataset, versions, verdict }: Facts): string {
  const licence = base.licence?.toLowerCase().replace(/^llama-/, 'llama') ?? 'unknown'
  const known = base.licence === null || hubLicences.has(licence)
  const fields: Record<string, unknown> = {
    license: known ? licence : 'other',
    ...known ? {} : { license_name: base.licence },
    base_model: base.name,
    base_model_relation: 'adapter',
    pipeline_tag: 'text-generation',
    tags: ['lora', 'gguf', 'engraft'],
    engraft: {
      version: versions.engraft,
      run: run.id,
      method: run.method,
      dataset: datasetOf(dataset),
      dataset_id: run.wanted.dataset,
      dataset_sha256: dataset.sha256,
      base_sha256: base.digest,
      adapter_sha256: run.digest,
      decision: verdict.decision
    }
  }
  return ['---', ...Object.entries(fields).map(([key, value]) => `${key}: ${JSON.stringify(value)}`), '---'].join('\n')
}

function lineage ({ run, base, dataset, versions }: Facts): string {
  const { train } = dataset.counts
  return list([
    `Base: ${plain(base.name)}, sha256 ${code(base.digest)}.`,
    `Data set: ${code(datasetOf(dataset))}, id ${code(run.wanted.dataset)}, sha256 ${code(dataset.sha256)}: ${counted(train.rows, 'row')} of ${counted(train.people, 'person', 'people')}, with personal data put under pseudonyms and secrets left out.`,
    ...run.wanted.parent === null ? [] : [`Goes on from the adapter of the run ${code(run.wanted.parent)}.`],
    ...run.method === null || run.wanted.candidate !== null ? [] : [`${methods[run.method]}.`],
    `Run: ${code(run.id)} on ${day(run.created)}${run.wanted.candidate === null ? `, seed ${seedOf(run)}` : ''}, with Engraft ${plain(versions.engraft)}${versions.torch === null ? '' : ` and PyTorch ${plain(versions.torch)}`}.`,
    ...run.digest === null ? [] : [`Adapter: sha256 ${code(run.digest)}.`]
  ])
}

function limits ({ run, measured: { people, rows, forgetting, relevance, tone }, verdict }: Facts): string {
  return list([
    `It was measured on ${counted(rows, 'row')} of ${counted(people, 'person', 'people')}; on other questions, languages and people it is not known.`,
    'A small adapter learns how to answer, not facts: those belong in memory or in the prompt.',
    ...forgetting === null ? ['What it does to answers on other subjects was not measured.'] : [],
    ...relevance === null ? ['Whether its answers depend on what was asked was not measured.'] : [],
    ...tone.rude.adapter > 0 ? ['Some of its answers in the evaluation were rude.'] : [],
    ...run.erased > 0 ? [`${counted(run.erased, 'row of its data set has', 'rows of its data set have')} been erased since; it should be trained anew.`] : [],
    ...verdict.decision === 'promote' ? [] : ['It did not pass by rule; see the report before it is used.']
  ])
}

function evaluation ({ measured: { gain, overExamples }, verdict }: Facts): string {
  const gains = [
    ...gain.all === null ? [] : [`Answers that keep to all checks, against the base: ${points(gain.all)}.`],
    ...Object.entries(gain.checks).map(([name, interval]) => `${plain(name)}: ${points(interval)}.`),
    ...gain.nll === null ? [] : [`Likelihood of the approved answer, against the base: ${nats(gain.nll)}.`],
    ...gain.margin === null ? [] : [`Likelihood of approved answers against disapproved ones: ${nats(gain.margin)}.`],
    ...overExamples === null || overExamples.all === null ? [] : [`Answers that keep to all checks, against the base with examples in its prompt: ${points(overExamples.all)}.`]
  ]
  return [
    'By the engine that serves it, on rows of people who were not learnt from; 95 % intervals in brackets, by people drawn anew.',
    ...gains.length === 0 ? [] : [list(gains)],
    'What the gate found, step by step:',
    list(verdict.steps.map(({ name, passed, words }) => `${name}, ${passed === null ? 'open' : passed ? 'passed' : 'failed'}: ${plain(words)}`))
  ].join('\n\n')
}
