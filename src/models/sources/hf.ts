import { SourceError } from '../errors.ts'
import { byteCount, openUrl, type Facts } from './https.ts'
import type { Source, SourceSettings } from './source.ts'

export interface HubFile { readonly repo: string, readonly file: string, readonly revision: string | null }

/**
 * A file of a repository on the model hub. The hub names the sha256 of the
 * bytes it sends; weights it names none for are refused, because nothing could
 * tell whether they arrived whole. It names none for small text files, which
 * it keeps in git: JSON that was cut or damaged does not parse.
 */
export function hubSource ({ repo, file, revision }: HubFile, settings: SourceSettings): Source {
  const path = file.split('/').map(encodeURIComponent).join('/')
  const url = `${settings.hubEndpoint}/${repo}/resolve/${encodeURIComponent(revision ?? 'main')}/${path}`
  return {
    name: `hf:${repo}/${file}${revision === null ? '' : `@${revision}`}`,
    room: 1,
    async open (start, { signal }) {
      const opening = await openUrl(url, start, signal, settings, {
        facts,
        headers: settings.hubToken === null ? {} : { authorization: `Bearer ${settings.hubToken}` },
        explain: status => explain(status, settings.hubToken !== null)
      })
      if (opening.sha256 === null && !file.endsWith('.json')) throw new SourceError('the hub names no sha256 for this file (x-linked-etag)')
      return opening
    }
  }
}

function facts (headers: Headers): Facts {
  const digest = /^"?([0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '')
  return { sha256: digest?.[1] ?? null, size: byteCount(headers.get('x-linked-size')) }
}

function explain (status: number, token: boolean): string | null {
  if (status === 401 || status === 403) return `the hub answered ${status}: ${token ? 'HF_TOKEN may not read this file; accept the licence on its page' : 'the file is private, gated or does not exist; set HF_TOKEN to a token that may read it'}`
  if (status === 404) return 'the hub has no such file (404)'
  if (status === 429) return 'the hub asks to slow down (429); try again later'
  return null
}
