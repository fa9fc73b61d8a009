/** Values in the formats of their issuers, drawn from a seed, so that no real-looking secret lies in this repository. */
export interface Draw {
  /** The text with each `{name}` filled in, and what was put there. */
  fill (text: string): { readonly text: string, readonly values: readonly string[] }
}

const lower = 'abcdefghijklmnopqrstuvwxyz'
const upper = lower.toUpperCase()
const digit = '0123456789'
const alnum = upper + lower + digit
const hex = '0123456789abcdef'
const base64 = `${alnum}+/`
const url = `${alnum}-_`

/** Numbers below a bound: mulberry32. */
function randomness (seed: number): (bound: number) => number {
  let state = seed
  return bound => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4_294_967_296 * bound)
  }
}

export function draw (seed: number): Draw {
  const below = randomness(seed)
  const of = (alphabet: string, length: number): string => Array.from({ length }, () => alphabet[below(alphabet.length)]).join('')
  const one = (...choices: readonly string[]): string => choices[below(choices.length)]!
  const luhn = (start: string, length: number): string => {
    const body = start + of(digit, length - start.length - 1)
    const sum = [...body].reverse().reduce((sum, d, i) => sum + (i % 2 === 0 ? Number(d) * 2 - (Number(d) > 4 ? 9 : 0) : Number(d)), 0)
    return body + (10 - sum % 10) % 10
  }
  const iban = (country: string, account: string): string => {
    const number = [...`${account}${country}00`].map(c => String(Number.parseInt(c, 36))).join('')
    return `${country}${String(98n - BigInt(number) % 97n).padStart(2, '0')}${account}`
  }
  const grouped = (text: string, gap = ' ', sizes: readonly number[] = []): string => {
    const groups: string[] = []
    for (let at = 0, i = 0; at < text.length; i++) groups.push(text.slice(at, at += sizes[i] ?? 4))
    return groups.join(gap)
  }
  const pem = (name: string, start: string, length: number): string => `-----BEGIN ${name}-----\n${(start + of(base64, length)).match(/.{1,64}/g)!.join('\n')}\n-----END ${name}-----`
  const visa = (): string => luhn('4', 16)
  const amex = (): string => luhn(one('34', '37'), 15)
  const german = (): string => iban('DE', of(digit, 18))
  const ssn = (): string => `${1 + below(6)}${of('123456789', 2)}-${of('123456789', 2)}-${of('123456789', 4)}`
  const cpf = (): string => {
    const check = (digits: string): string => String([...digits].reduce((sum, d, i) => sum + Number(d) * (digits.length + 1 - i), 0) * 10 % 11 % 10)
    const nine = of(digit, 9)
    const ten = nine + check(nine)
    return `${grouped(nine, '.', [3, 3, 3])}-${ten.at(-1)}${check(ten)}`
  }
  const dni = (digits: string): string => 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23]!
  const aadhaar = (): string => {
    const d = ['0123456789', '1234067895', '2340178956', '3401289567', '4012395678', '5987604321', '6598710432', '7659821043', '8765932104', '9876543210']
    const p = ['0123456789', '1576283094', '5803796142', '8916043527', '9453126870', '4286573901', '2793806415', '7046913258']
    const body = `${2 + below(8)}${of(digit, 10)}`
    for (const check of digit) if ([...`${body}${check}`].reverse().reduce((c, n, i) => Number(d[c]![Number(p[i % 8]![Number(n)])]), 0) === 0) return `${body}${check}`
    throw new Error('one check digit fits')
  }
  const words = (count: number): string => Array.from({ length: count }, () => one('abandon', 'ability', 'cactus', 'dolphin', 'early', 'fabric', 'gadget', 'habit', 'iron', 'jacket', 'kidney', 'ladder', 'machine', 'napkin', 'obey', 'palace', 'quantum', 'rabbit', 'saddle', 'table', 'umbrella', 'valley', 'wagon', 'zebra')).join(' ')
  const ean = (start: string): string => {
    const body = start + of(digit, 12 - start.length)
    return body + (10 - [...body].reduce((sum, d, i) => sum + Number(d) * (i % 2 === 0 ? 1 : 3), 0) % 10) % 10
  }

  const values: Readonly<Record<string, () => string>> = {
    github: () => one(`ghp_${of(alnum, 36)}`, `github_pat_${of(alnum, 22)}_${of(alnum, 59)}`, `gho_${of(alnum, 36)}`),
    openai: () => one(`sk-${of(alnum, 20)}T3BlbkFJ${of(alnum, 20)}`, `sk-proj-${of(url, 74)}T3BlbkFJ${of(alnum, 74)}`),
    anthropic: () => `sk-ant-api03-${of(url, 93)}AA`,
    bearer: () => `${of(url, 40)}7`,
    google: () => `AIza${of(url, 35)}`,
    google_secret: () => `GOCSPX-${of(alnum, 28)}`,
    ya29: () => `ya29.${of(url, 120)}`,
    awsid: () => `AKIA${of(`${upper}234567`, 16)}`,
    awssecret: () => of(base64, 40),
    slack: () => `xoxb-${of(digit, 12)}-${of(digit, 13)}-${of(alnum, 24)}`,
    slackhook: () => `https://hooks.slack.com/services/T${of(upper + digit, 8)}/B${of(upper + digit, 8)}/${of(alnum, 24)}`,
    slackapp: () => `xapp-1-A${of(upper + digit, 10)}-${of(digit, 13)}-${of(hex, 64)}`,
    stripe: () => `${one('sk', 'rk')}_${one('live', 'test')}_${of(alnum, 24)}`,
    whsec: () => `whsec_${of(alnum, 32)}`,
    gitlab: () => `glpat-${of(alnum, 20)}`,
    npm: () => `npm_${of(alnum, 36)}`,
    pypi: () => `pypi-AgEIcHlwaS5vcmc${of(url, 120)}`,
    hf: () => `hf_${of(upper + lower, 34)}`,
    sendgrid: () => `SG.${of(alnum, 22)}.${of(alnum, 43)}`,
    telegram: () => `${of('123456789', 9)}:AA${of(url, 33)}`,
    discord: () => `M${of(alnum, 25)}.${of(alnum, 6)}.${of(alnum, 38)}`,
    jwt: () => `eyJ${of(url, 33)}.eyJ${of(url, 90)}.${of(url, 43)}`,
    digitalocean: () => `dop_v1_${of(hex, 64)}`,
    mailgun: () => `key-${of(hex, 32)}`,
    databricks: () => `dapi${of(hex, 32)}`,
    vault: () => `hvs.${of(url, 95)}`,
    shopify: () => `shpat_${of(hex, 32)}`,
    groq: () => `gsk_${of(alnum, 52)}`,
    linear: () => `lin_api_${of(alnum, 40)}`,
    notion: () => `ntn_${of(digit, 11)}${of(alnum, 35)}`,
    grafana: () => `glsa_${of(alnum, 32)}_${of(hex, 8)}`,
    figma: () => `figd_${of(url, 43)}`,
    dockerpat: () => `dckr_pat_${of(url, 27)}`,
    azure: () => `${of(base64, 86)}==`,
    engraft: () => `ek_${of(`${lower}234567`, 16)}_${of(url, 43)}`,
    license: () => grouped(of(upper + digit, 25), '-', [5, 5, 5, 5, 5]),
    hex32: () => of(hex, 32),
    hex40: () => of(hex, 40),
    hex64: () => of(hex, 64),
    b64_32: () => of(alnum, 32),
    b64_40: () => of(alnum, 40),
    b64_44: () => `${of(base64, 43)}=`,
    b64_48: () => of(alnum, 48),
    uuid: () => grouped(of(hex, 32), '-', [8, 4, 4, 4, 12]),
    pem_rsa: () => pem('RSA PRIVATE KEY', 'MIIEowIBAAKCAQEA', 1600),
    pem_ec: () => pem('EC PRIVATE KEY', 'MHcCAQEE', 156),
    pem_openssh: () => pem('OPENSSH PRIVATE KEY', 'b3BlbnNzaC1rZXktdjEA', 380),
    pem_cut: () => pem('PRIVATE KEY', 'MIIEvQIBADANBg', 500).slice(0, 400),
    seed: () => words(12),
    words: () => `${words(3)} ${of(digit, 2)}`,
    pw: () => one(`${of(upper, 1)}${of(lower, 6)}${of(digit, 3)}`, `${of(alnum, 11)}${of(digit, 1)}`, `${of(lower, 5)}${one('!', '$', '%', '&')}${of(digit, 2)}${of(upper, 2)}`, `${of(lower, 8)}${of(digit, 2)}`, `${of(upper, 1)}${of(lower, 4)}_${of(lower, 4)}${of(digit, 1)}`),
    digits3: () => of('123456789', 3),
    digits4: () => of('123456789', 4),
    digits6: () => of('123456789', 6),
    digits10: () => of('123456789', 10),
    visa,
    visa_sp: () => grouped(visa()),
    visa_dash: () => grouped(visa(), '-'),
    mc: () => luhn(one('51', '53', '55', '2221', '2720'), 16),
    mc_dash: () => grouped(luhn('52', 16), '-'),
    amex,
    amex_sp: () => grouped(amex(), ' ', [4, 6, 5]),
    discover: () => luhn('6011', 16),
    jcb: () => luhn('3530', 16),
    diners: () => luhn('36', 14),
    unionpay: () => luhn('62', 16),
    iban_de: german,
    iban_de_sp: () => grouped(german()),
    iban_low: () => german().toLowerCase(),
    iban_at: () => iban('AT', of(digit, 16)),
    iban_gb_sp: () => grouped(iban('GB', `NWBK${of(digit, 14)}`)),
    iban_fr_sp: () => grouped(iban('FR', of(digit, 10) + of(upper + digit, 11) + of(digit, 2))),
    iban_nl: () => iban('NL', `INGB${of(digit, 10)}`),
    iban_es: () => iban('ES', of(digit, 20)),
    iban_ch_sp: () => grouped(iban('CH', of(digit, 17))),
    iban_be_sp: () => grouped(iban('BE', of(digit, 12))),
    ssn,
    ssn_plain: () => ssn().replaceAll('-', ''),
    cpf,
    dni: () => { const digits = of(digit, 8); return digits + dni(digits) },
    nie: () => { const digits = of(digit, 7); return `X${digits}${dni(digits)}` },
    nir: () => { const body = `${one('1', '2')}${of(digit, 2)}0${of('123456789', 1)}75${of(digit, 6)}`; return body + String(97 - Number(body) % 97).padStart(2, '0') },
    nino: () => `AB${of(digit, 6)}${one('A', 'B', 'C', 'D')}`,
    nino_sp: () => grouped(`JT${of(digit, 6)}${one('A', 'B', 'C', 'D')}`, ' ', [2, 2, 2, 2, 1]),
    aadhaar,
    aadhaar_sp: () => grouped(aadhaar()),
    // What is no secret.
    sha40: () => of(hex, 40),
    sha7: () => of(hex, 7),
    digits16odd: () => `${one('1', '7', '8', '9')}${of(digit, 15)}`,
    tracking: () => one(`RR${of(digit, 9)}DE`, `00340434${of(digit, 12)}`, `JD0146${of(digit, 14)}`),
    ups: () => `1Z${of(upper + digit, 6)}${of(digit, 10)}`,
    isbn13: () => ean('978'),
    isbn_dash: () => grouped(ean('978'), '-', [3, 1, 5, 3, 1]),
    ean13: () => ean(one('40', '50', '73', '87')),
    imei: () => luhn('35', 15),
    phone: () => one(`+351 9${of(digit, 2)} ${of(digit, 3)} ${of(digit, 3)}`, `0${of('123456789', 3)} ${of(digit, 7)}`, `+44 7${of(digit, 3)} ${of(digit, 6)}`),
    phone_us: () => `(${of('23456789', 3)}) ${of('23456789', 3)}-${of(digit, 4)}`,
    phone_de: () => `+49 ${of('123456789', 3)}/${of(digit, 7)}`,
    unixms: () => `17${of(digit, 11)}`,
    pnr: () => of(upper, 6),
    plate: () => `${of(upper, 2)}-${of(upper, 2)} ${of('123456789', 3)}`,
    vin: () => `WVWZZZ${of(upper.replace(/[IOQ]/g, '') + digit, 5)}${of(digit, 6)}`,
    serial: () => `C02${of(upper + digit, 9)}`
  }

  return {
    fill: text => {
      const put: string[] = []
      const filled = text.replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = values[name]?.() ?? whole
        if (value !== whole) put.push(value)
        return value
      })
      return { text: filled, values: put }
    }
  }
}
