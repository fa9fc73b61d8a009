import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import type { Found, SecretKind } from './found.ts'

/** What of secretlint's rules is used here. Its own host, `@secretlint/core`, keeps a performance mark of every rule it ever ran, which a server must not. */
interface Rule {
  readonly meta: { readonly id: string }
  create (context: Context, options: object): { file? (source: object): unknown }
}
interface Context {
  createTranslator (messages: object): (id: string) => { readonly messageId: string }
  report (report: { readonly message: { readonly messageId: string }, readonly range: readonly [number, number] }): void
}

const prefix = '@secretlint/secretlint-rule-'
/** Comments in a text may not switch rules off. */
const unused = [`${prefix}filter-comments`]
/** An account's number opens nothing. */
const harmless = ['AWSAccountID']
const kinds: Readonly<Record<string, SecretKind>> = { privatekey: 'private key', 'database-connection-string': 'connection', basicauth: 'connection' }

/** The key shapes that secretlint knows; they follow the issuers, so that this list need not. */
export function knownShapes (content: string): Found[] {
  const found: Found[] = []
  const source = { content, contentType: 'text', filePath: '', ext: '' }
  for (const rule of rules as unknown as readonly Rule[]) {
    if (unused.includes(rule.meta.id)) continue
    const kind = kinds[rule.meta.id.slice(prefix.length)] ?? 'key'
    const context: Context = {
      createTranslator: () => messageId => ({ messageId }),
      report: ({ message: { messageId }, range: [from, to] }) => { if (!harmless.includes(messageId)) found.push({ kind, from, to }) }
    }
    rule.create(context, {}).file?.(source)
  }
  return found
}
