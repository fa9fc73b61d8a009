/** Months with their days, and 29 February in leap years. */
const date = '(?:(?:\\d\\d(?:[2468][048]|[13579][26]|0[48])|(?:[02468][048]|[13579][26])00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8])))'
/** With an offset, as RFC 3339 asks; no leap seconds, which not every reader takes. Nine digits are nanoseconds. */
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'
/** Half of the 63 characters that RFC 1035 allows: names in use are shorter, and each one more is a rule more. */
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,29}[A-Za-z0-9])?'
/** Eight labels stay below the 253 characters of a name. */
const hostname = `${label}(?:\\.${label}){0,6}`
const host = `(?:${label}\\.)*${label}`
const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const hex = '[0-9a-fA-F]{1,4}'
const urlChar = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
const path = `(?:/${urlChar}*)*(?:\\?(?:${urlChar}|[/?])*)?(?:#(?:${urlChar}|[/?])*)?`
/** A name on the web: validators of URLs want a top-level domain of letters, and no two hyphens in a row. */
const webHost = '(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,10}){0,3}\\.)+[a-z]{2,24}'

/** How many of a unit; more digits are no duration of anything. */
const count = '\\d{1,6}'
const clock = `T(?:${count}H(?:${count}M)?(?:${count}S)?|${count}M(?:${count}S)?|${count}S)`

/**
 * The formats that strings can be held to, as patterns of the whole text. Each
 * fits a part of its format that every validator takes (RFC 3339 for times,
 * RFC 4122 for UUIDs, RFC 5321 without quoting for email, RFC 3986 with an
 * authority for URIs), and is bounded, so that no model writes for ever.
 */
export const formats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${time}$`,
  'date-time': `^${date}T${time}$`,
  duration: `^P(?:${count}W|${count}Y(?:${count}M)?(?:${count}D)?(?:${clock})?|${count}M(?:${count}D)?(?:${clock})?|${count}D(?:${clock})?|${clock})$`,
  uuid: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$',
  email: `^[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,32})*@(?:${label}\\.)+[A-Za-z]{2,24}$`,
  hostname: `^${hostname}$`,
  ipv4: `^(?:${byte}\\.){3}${byte}$`,
  ipv6: `^(?:(?:${hex}:){7}${hex}|${Array.from({ length: 6 }, (_, index) => `(?:${hex}:){1,${index + 1}}(?::${hex}){1,${6 - index}}`).join('|')}|::(?:${hex}(?::${hex}){0,6})?|(?:${hex}:){1,7}:)$`,
  uri: `^[a-z][a-z0-9+.-]{1,15}://${host}(?::[1-9]\\d{0,3})?${path}$`,
  url: `^https?://${webHost}(?::[1-9]\\d{1,3})?(?:/${path})?$`
}

/** Formats that say nothing about a string's text. */
export const freeFormats: readonly string[] = ['password', 'binary']

/** Patterns with look-ahead that zod writes beside a format, and which all that is written for the format fits. */
export const covered: Readonly<Record<string, readonly string[]>> = {
  duration: ['^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(\\d+M)?(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+([.,]\\d+)?S)?)?)$'],
  hostname: ['^(?=.{1,253}\\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\\.?$'],
  email: ["^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"]
}
