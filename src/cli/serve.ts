import type { Config } from '../config.ts'
import type { ModelFile } from '../models/models.ts'

export interface Started {
  readonly url: string
  readonly version: string
  readonly models: readonly ModelFile[]
  readonly keyless: boolean
  readonly gpu: string
  /** Bytes below the data folder. */
  readonly dataBytes: number
}

/** What an operator sees when the server is up: where it is, what it keeps, and a first request to paste. */
export function greeting ({ url, version, models, keyless, gpu, dataBytes }: Started, config: Config): string {
  const [first] = models
  const key = keyless ? '' : ' \\\n    -H "authorization: Bearer $ENGRAFT_KEY"'
  return [
    `Engraft ${version} is ready: ${url}  (docs: ${url}/docs)`,
    '',
    ...models.map((model, i) => `  ${i === 0 ? 'model ' : '      '}  ${model.name} (${megabytes(model.size)} MB, context ${Math.min(model.contextLength, config.context)}, ${i === 0 ? `${gpu === 'off' ? `CPU, ${config.threads} thread${config.threads === 1 ? '' : 's'}` : gpu}, ${config.slots} slots` : 'loaded when first used'})`),
    `  data    ${config.data} (${megabytes(dataBytes)} MB on disk)`,
    `  access  ${keyless ? 'no key needed, from programs on this machine only' : 'an API key is needed (engraft keys create)'}`,
    '  kept    API keys and the audit log; no text of any request: memory, store and training are not in this version',
    '',
    'Try it:',
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json'${key} \\`,
    `    -d '{"model":"${first?.name ?? ''}","messages":[{"role":"user","content":"Say hello in five words."}]}'`,
    ''
  ].join('\n')
}

export function megabytes (bytes: number): string { return (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0) }
