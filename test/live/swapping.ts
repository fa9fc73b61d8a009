import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chatBody, events, type LiveServer } from '../support/server.ts'

export const question = 'My heater makes a loud noise.'
export const says = { support: 'TICKET[heater]: MAKES A LOUD NOISE\n-- Northwind Support', json: '{"item": "heater", "issue": "makes a loud noise"}' } as const
export type Kind = keyof typeof says
export const fixtures = {
  support: await readFile(new URL('../fixtures/smollm2-support.gguf', import.meta.url)),
  json: await readFile(new URL('../fixtures/smollm2-json.gguf', import.meta.url))
}

export const fixturePath = (kind: Kind): string => fileURLToPath(new URL(`../fixtures/smollm2-${kind}.gguf`, import.meta.url))

export interface Answered { readonly status: number, readonly model: string, readonly text: string, readonly code: string | null }

export async function ask (server: LiveServer, model: string, over: object = {}): Promise<Answered> {
  const reply = await server.post('/v1/chat/completions', chatBody(question, { model, max_tokens: 40, ...over }))
  const body = await reply.json() as { model?: string, choices?: { message: { content: string } }[], error?: { code: string } }
  return { status: reply.status, model: body.model ?? '', text: body.choices?.[0]?.message.content ?? '', code: body.error?.code ?? null }
}

/** A streamed answer that has begun: the version it says it is of is that of its first frame. */
export async function begin (server: LiveServer, model: string, over: object = {}): Promise<{ rest (): Promise<{ models: string[], text: string, end: string }> }> {
  const frames = events(await server.post('/v1/chat/completions', chatBody(question, { model, stream: true, max_tokens: 40, ...over })))
  const first = await frames.next()
  return {
    async rest () {
      const all = [first.value ?? '', ...await Array.fromAsync(frames)]
      const parsed = all.filter(frame => frame.startsWith('data: {')).map(frame => JSON.parse(frame.slice(6)) as { model?: string, choices?: { delta: { content?: string } }[], error?: { code: string } })
      return {
        models: [...new Set(parsed.flatMap(({ model }) => model ?? []))],
        text: parsed.map(({ choices }) => choices?.[0]?.delta.content ?? '').join(''),
        end: parsed.at(-1)?.error?.code ?? all.at(-1)?.slice(6) ?? ''
      }
    }
  }
}

export async function upload (server: LiveServer, name: string, bytes: Buffer): Promise<{ status: number, version: number, code: string | null }> {
  const form = new FormData()
  form.set('name', name)
  form.set('file', new Blob([new Uint8Array(bytes)]), 'adapter.gguf')
  const reply = await fetch(`${server.url}/admin/adapters`, { method: 'POST', body: form })
  const body = await reply.json() as { version?: number, error?: { code: string } }
  return { status: reply.status, version: body.version ?? 0, code: body.error?.code ?? null }
}

export async function remove (server: LiveServer, name: string, version: number | null): Promise<number> {
  return (await fetch(`${server.url}/admin/adapters/${name}${version === null ? '' : `?version=${version}`}`, { method: 'DELETE' })).status
}

export async function act (server: LiveServer, name: string, verb: string, body: object = {}): Promise<number> {
  return (await server.post(`/admin/adapters/${name}/${verb}`, body)).status
}

/** Names of all files below the vault. */
export async function stored (server: LiveServer): Promise<string[]> {
  return (await readdir(join(server.data, 'vault'), { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).map(entry => entry.name)
}
