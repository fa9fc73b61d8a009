import { problem } from '../../errors.ts'
import { readGguf } from '../../gguf/reader.ts'
import { brief } from './failure.ts'

/** What the version of transformers in trainer/requirements.txt loads from a GGUF; the trainer's doctor lists the same. */
export const architectures: readonly string[] = ['bloom', 'deci', 'falcon', 'gemma2', 'gemma3', 'gemma4', 'gpt2', 'gpt_oss', 'lfm2', 'llama', 'mamba', 'minimax_m2', 'mistral', 'nemotron', 'phi3', 'qwen2', 'qwen2_moe', 'qwen3', 'qwen3_moe', 'stablelm', 'starcoder2', 't5', 'umt5']

/** Says without Python whether a base can be trained. Throws `training_bad_base`. */
export async function checkArchitecture (base: string): Promise<void> {
  const architecture = String((await readGguf(base)).metadata.get('general.architecture'))
  if (!architectures.includes(architecture)) throw problem('training_bad_base', { detail: `PyTorch cannot load a GGUF of the architecture ${brief(architecture)}` })
}
