import { getLlama, type LlamaGrammar } from 'node-llama-cpp'

const llama = await getLlama({ gpu: false, build: 'never' })

/** Whether llama.cpp itself takes texts under a grammar. Throws where it cannot read the grammar. */
export async function acceptor (grammar: string): Promise<(text: string) => boolean> {
  const native = await llama.createGrammar({ grammar }) as LlamaGrammar & { _testText (text: string): boolean }
  return text => native._testText(text)
}

export const dispose = (): Promise<void> => llama.dispose()
