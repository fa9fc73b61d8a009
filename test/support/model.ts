import { fileURLToPath } from 'node:url'
import { defaultModel, openModels, sourceSettings, type ModelFile } from '../../src/models/models.ts'

/** Kept between runs, so that its 98 MB are fetched once. */
const dir = fileURLToPath(new URL('../../.cache/models', import.meta.url))

/** The default base model, fetched as a user would get it. Test files that ask at once wait for one download. */
export async function baseModel (): Promise<ModelFile> {
  return await openModels({ dir, settings: sourceSettings(process.env) }).resolve(defaultModel)
}
