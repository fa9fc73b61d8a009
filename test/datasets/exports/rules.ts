import type { Split } from '../../../src/datasets/datasets.ts'

type Message = Readonly<Record<string, unknown>>

/**
 * What OpenAI's published checks say of a file to train on: the cookbook's
 * "Data preparation and analysis for chat model fine-tuning", with the keys
 * for tools and weights of the guide on supervised fine-tuning.
 */
export function openaiFaults (content: string): string[] {
  const lines = linesOf(content)
  const faults = lines.length < 10 ? ['fewer than 10 examples'] : []
  for (const example of lines) {
    const messages = example.messages
    if (!Array.isArray(messages) || messages.length === 0) { faults.push('missing_messages_list'); continue }
    for (const key of Object.keys(example)) if (!['messages', 'tools', 'parallel_tool_calls'].includes(key)) faults.push(`unrecognized key ${key}`)
    for (const message of messages as Message[]) {
      if (!('role' in message) || !('content' in message)) faults.push('message_missing_key')
      if (Object.keys(message).some(key => !['role', 'content', 'name', 'function_call', 'weight', 'tool_calls', 'tool_call_id'].includes(key))) faults.push('message_unrecognized_key')
      if (!['system', 'user', 'assistant', 'function', 'tool'].includes(String(message.role))) faults.push('unrecognized_role')
      if (typeof message.content !== 'string' || (message.content === '' && message.tool_calls === undefined)) faults.push('missing_content')
      if ('weight' in message && (message.role !== 'assistant' || ![0, 1].includes(message.weight as number))) faults.push('wrong weight')
    }
    if (!(messages as Message[]).some(({ role, weight }) => role === 'assistant' && weight !== 0)) faults.push('example_missing_assistant_message')
  }
  return faults
}

/** What the guide on direct preference optimization asks of a file. */
export function openaiPreferenceFaults (content: string): string[] {
  const lines = linesOf(content)
  const faults = lines.length < 10 ? ['fewer than 10 examples'] : []
  for (const { input, preferred_output: preferred, non_preferred_output: other, ...more } of lines) {
    if (Object.keys(more).length > 0) faults.push('unrecognized key')
    const { messages } = input as { messages: Message[] }
    if (!Array.isArray(messages) || messages.length === 0 || messages.at(-1)!.role === 'assistant') faults.push('wrong input')
    for (const output of [preferred, other]) {
      if (!Array.isArray(output) || output.length !== 1 || (output[0] as Message).role !== 'assistant' || typeof (output[0] as Message).content !== 'string' || (output[0] as Message).content === '') faults.push('wrong output')
    }
  }
  return faults
}

/** What AWS's sample validator for Claude 3 Haiku asks of a file (amazon-bedrock-samples, claude-haiku/DataValidation), in its own words. */
export function bedrockFaults (content: string, split: Split): string[] {
  const lines = linesOf(content)
  const most = split === 'train' ? 10_000 : 1_000
  const faults = lines.length < 32 || lines.length > most ? [`must have between 32 and ${most} rows`] : []
  for (const { system, messages, ...more } of lines) {
    if (Object.keys(more).length > 0) faults.push('only system and messages are allowed')
    if (system !== undefined && (typeof system !== 'string' || system.trim() === '')) faults.push('system must be a nonempty string')
    if (!Array.isArray(messages) || messages.length < 2) { faults.push('at least one turn of each role'); continue }
    for (const [i, { role, content, ...others }] of (messages as Message[]).entries()) {
      if (Object.keys(others).length > 0) faults.push('only role and content are allowed')
      if (role !== (i % 2 === 0 ? 'user' : 'assistant')) faults.push('roles must alternate')
      if (typeof content !== 'string' || content.trim() === '') faults.push('content must be a nonempty string')
      if (/\n(?:Human|Assistant):/.test(String(content))) faults.push('reserved keyword')
    }
    if ((messages as Message[]).at(-1)!.role !== 'assistant') faults.push('last turn must be the assistant\'s')
  }
  return faults
}

function linesOf (content: string): Record<string, unknown>[] {
  return content.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
}
