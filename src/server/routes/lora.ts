import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { actorOf } from '../plugins/auth.ts'
import type { Adapters } from '../ports.ts'
import { LoadLoraBody, UnloadLoraBody } from '../schemas/adapters.ts'
import { failures } from '../schemas/shapes.ts'

const tags = ['administration']
const response = { 200: { description: 'A sentence.', content: { 'text/plain': { schema: Type.String() } } }, ...failures }

/** The two calls by which vLLM's clients bring and take adapters, in vLLM's own words. */
export const lora: FastifyPluginAsyncTypebox<{ adapters: Pick<Adapters, 'add' | 'promote' | 'retire'> }> = async (app, { adapters }) => {
  app.post('/v1/load_lora_adapter', {
    config: { access: 'admin' },
    schema: { tags, summary: "vLLM's call: registers a file of the server's machine and promotes it", body: LoadLoraBody, response }
  }, async (request, reply) => {
    const { lora_name: name, lora_path: path } = request.body
    const { version } = await adapters.add({ name, base: null, content: `file:${path}` }, actorOf(request))
    await adapters.promote(name, version.version, actorOf(request))
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' added successfully.`)
  })

  app.post('/v1/unload_lora_adapter', {
    config: { access: 'admin' },
    schema: { tags, summary: "vLLM's call: retires an adapter, which stays registered", body: UnloadLoraBody, response }
  }, async (request, reply) => {
    const { lora_name: name } = request.body
    await adapters.retire(name, actorOf(request))
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' removed successfully.`)
  })
}
