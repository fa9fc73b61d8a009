import { fileURLToPath } from 'node:url'
import { defaultEmbedder, defaultModel, openModels, sourceSettings, type EmbedderFiles, type ModelFile } from '../../src/models/models.ts'

/** Kept between runs, so that its 98 MB are fetched once. */
const dir = fileURLToPath(new URL('../../.cache/models', import.meta.url))

/** The default base model, fetched as a user would get it. Test files that ask at once wait for one download. */
export async function baseModel (): Promise<ModelFile> {
  return await openModels({ dir, settings: sourceSettings(process.env) }).resolve(defaultModel)
}

/** The default embedding model, in the same way. */
export async function embedderModel (): Promise<EmbedderFiles> {
  return await openModels({ dir, settings: sourceSettings(process.env) }).resolveEmbedder(defaultEmbedder)
}
