import type { Found, SecretKind } from './found.ts'

/**
 * Shapes that tell a secret by themselves and that secretlint's rules lack or
 * ask more of than people write. Each is anchored at a rare beginning and
 * bounded, so that any text is read in linear time. Formats: the issuers'
 * documentation and GitHub's list of secret scanning patterns.
 */
const known: readonly (readonly [SecretKind, RegExp])[] = [
  // JSON Web Tokens (RFC 7519): two parts are JSON objects in base64url.
  ['key', /(?<![\w-])eyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{0,2000}/g],
  // OpenAI, Anthropic, OpenRouter, DeepSeek and others that follow them.
  ['key', /(?<![\w-])sk-(?=[\w-]{0,200}\d)[A-Za-z0-9][\w-]{18,250}/g],
  // Google: API keys, OAuth access tokens and client secrets.
  ['key', /(?<![\w-])(?:AIza[\w-]{35}|ya29\.[\w-]{20,400}|GOCSPX-[\w-]{28})(?![\w-])/g],
  // Stripe's secret, restricted and webhook keys; publishable ones (pk_) are public.
  ['key', /(?<!\w)(?:(?:sk|rk)_(?:live|test)_|whsec_)[A-Za-z0-9]{16,250}(?!\w)/g],
  // GitHub and Hugging Face in any length that they have had.
  ['key', /(?<!\w)(?:gh[pousr]_\w{36,251}|github_pat_\w{22,255}|hf_[A-Za-z0-9]{30,60}|glpat-[\w-]{20,50})(?![\w-])/g],
  // AWS key ids, also of sessions; secretlint passes over the examples of AWS's documentation, as do we.
  ['key', /(?<!\w)(?:AKIA|ASIA)(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}(?!\w)/g],
  // Telegram bots, Discord, Twilio, Mailgun, PyPI, DigitalOcean, age, Heroku, Square, Airtable, Sentry.
  ['key', /(?<![\w:])\d{8,10}:AA[\w-]{33}(?![\w-])/g],
  ['key', /(?<![\w.-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])/g],
  ['key', /(?<!\w)(?:SK[0-9a-f]{32}|key-[0-9a-f]{32}|pypi-AgE[\w-]{50,300}|do[opr]_v1_[0-9a-f]{64}|AGE-SECRET-KEY-1[A-Z0-9]{50,60}|HRKU-[\w-]{36,70}|sq0csp-[\w-]{43}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|sntrys_[\w+/=]{40,300})(?!\w)/g],
  // Slack, also shorter than secretlint asks.
  ['key', /(?<![\w-])xox[abopers]-[\w-]{20,250}|(?<![\w-])xapp-\d-[\w-]{20,250}/g],
  // This server's own keys.
  ['key', /(?<!\w)ek_[a-z2-7]{16}_[\w-]{43}(?![\w-])/g],
  // The user and password of an address of any scheme.
  ['connection', /(?<=\w:\/\/)[^\s:@/"'<>[\]]{0,100}:(?!\d{1,5}\/)[^\s@/"'<>[\]]{3,200}(?=@[\w[])/g],
  ['key', /(?<=\b(?:AccountKey|SharedAccessKey)=)[A-Za-z0-9+/]{30,100}={0,2}/gi],
  ['key', /(?<=\bBearer )(?=[\w.~+/-]{0,500}\d)[\w.~+/-]{20,2000}={0,2}/g]
]

const header = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----/g
/** An RSA key of 16,384 bits has 12,500 characters in PEM. */
const longestKey = 16_000

export function shapes (text: string): Found[] {
  return [...known.flatMap(([kind, pattern]) => [...text.matchAll(pattern)].map(({ index, 0: match }) => ({ kind, from: index, to: index + match.length }))), ...privateKeys(text)]
}

/** A private key to its last line, or one that was cut off as far as it goes. */
function privateKeys (text: string): Found[] {
  const found: Found[] = []
  let read = 0
  for (const { index, 0: { length } } of text.matchAll(header)) {
    if (index < read) continue
    const body = text.slice(index + length, index + length + longestKey)
    const last = /-----END [A-Z0-9 ]{0,40}-----/.exec(body)
    const to = last === null ? /^(?:(?:\s|\\n)*[A-Za-z0-9+/=]{16,})*/.exec(body)![0].length : last.index + last[0].length
    // Where no key follows, it is spoken of.
    if (to < 40) continue
    read = index + length + to
    found.push({ kind: 'private key', from: index, to: read })
  }
  return found
}
