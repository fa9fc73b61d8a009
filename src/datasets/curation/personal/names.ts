import type { Personal } from './found.ts'
import { isBoth, senseOf } from './lexicon.ts'

/**
 * Names of people, by what is said around them and by the lexicon. A word that
 * nobody knows counts where the sentence says that a name follows; one that is
 * a name and nothing else counts anywhere with a capital letter.
 */

/** Longest stretch looked at before and after: every word costs as much, so that any text is read in linear time. */
const lookBehind = 48
const lookAhead = 24
const longestRun = 5

const titles = String.raw`(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|dame|lady|lord|coach|nurse|captain|herr|frau|monsieur|madame|mademoiselle|mme|mlle|sr|sra|srta|señora?|señorita|signora?|sig|dott|dottoressa|dhr|mevr|mevrouw|meneer|pan|pani|don|doña|bay|bayan|herrn)\.?`
const relations = String.raw`(?:wife|husband|spouse|partner|son|daughter|child|kid|brother|sister|mother|father|mom|mum|dad|aunt|uncle|niece|nephew|cousin|grandmother|grandfather|grandma|grandpa|boyfriend|girlfriend|fiancée?|ex|boss|manager|supervisor|colleague|coworker|co-worker|assistant|secretary|doctor|gp|dentist|therapist|lawyer|accountant|landlord|landlady|neighbou?r|friend|buddy|roommate|flatmate|teacher|professor|tutor|coach|plumber|client|customer|patient|executor|agent|ceo|cto|cfo|coo|director|president|chairman|engineer|driver|electrician|mechanic|nanny|babysitter|trainer|recruiter|officer|inspector|midwife|pastor|priest|rabbi|imam|witness|student|tutor|intern|volunteer|heir|tenant|guest|name|frau|mann|sohn|tochter|bruder|schwester|mutter|vater|chef|chefin|kollege|kollegin|femme|mari|fils|fille|frère|sœur|esposa|esposo|marido|mujer|hijo|hija|hermano|hermana)`
const strong = ending([
  titles,
  String.raw`(?:my|his|her|their|the|your|our|legal|maiden|full|last|first|family|sur) ?name(?:'s|’s| is| was|:)`,
  String.raw`name(?:'s|’s)`, 'call me', '(?:i )?go by', 'speaking (?:to|with)', 'through to', 'named', 'is called', 'who is called', 'care of', 'c/o', 'under the name(?: of)?', 'it(?:’s|\'s) me,', 'name on card',
  'ich heiße', 'mein name ist', 'je m[\'’]appelle', 'mon nom est', 'me llamo', 'mi nombre es', 'mi chiamo', 'meu nome é', 'chamo-me', 'mijn naam is', 'ik heet', 'jag heter', 'mam na imię', 'nazywam się', 'jeg heter', 'jeg hedder', 'benim adım',
  String.raw`(?:my|his|her|our|your|the|a|mein|meine|meinen|mon|ma|mi|mio|mia)(?: \p{L}{1,12})? ${relations}(?:,|'s name is| is called| is named| is| called| named)?`,
  '(?:twins|kids|children|sons|daughters|boys|girls|parents)[,:]', 'names are', 'reservation (?:is )?for', 'expecting', 'booking under', 'reference letter for', 'letter for', 'account holder(?: is)?', 'holder'
], '\\s{0,2}["\'“‘*]?')
/** Labels of forms, mails and data. */
const label = /(?:^|[\n,;&?({["'|]\s{0,4})["']?(?:(?:first|last|full|given|family|sur|middle|user|display|customer|contact|account|patient|recipient|sender|card)?[ _-]?name|customer|client|patient|from|to|attn|attention|cc|contact|holder|beneficiary|signed|tenant|agent|caller|author|recipient|sender|employee|assignee|reporter|guest|passenger|emergency contact|(?:ship|bill|send|deliver)(?:ped)? to|nachname|vorname|nom|prénom|nombre|apellidos?)["']?\s{0,2}[:=]\s{0,2}["'*]?$/iu
const greeting = ending(['hi', 'hello', 'hey', 'hiya', 'dear', 'good (?:morning|afternoon|evening)', 'morning', 'thanks', 'thank you', 'thx', 'cheers', 'sorry', 'welcome', 'congratulations', 'happy birthday', 'bye', 'liebe', 'lieber', 'hallo', 'moin', 'sehr geehrter?', 'guten tag', 'danke', 'cher', 'chère', 'bonjour', 'salut', 'merci', 'hola', 'estimad[oa]', 'querid[oa]', 'gracias', 'ciao', 'car[oa]', 'gentile', 'olá', 'hej', 'beste', 'dag', 'cześć', 'merhaba'], ',?\\s')
const closing = ending(['(?:kind |best |warm |many )?regards', '(?:best |kind |warm )?wishes', 'best', 'all the best', '(?:yours )?sincerely', 'yours(?: faithfully| truly)?', 'cheers', '(?:many )?thanks', 'thank you', 'love', 'xx?', 'cordially', 'grüßen', 'grüße', 'gruß', 'lg', 'mfg', 'cordialement', 'bien à vous', 'saludos', 'atentamente', 'un saludo', 'cordiali saluti', 'saluti', 'atenciosamente', 'met vriendelijke groet', 'mvh', 'hälsningar', 'pozdrawiam'], '[,!.]?\\s{1,3}(?:[-–—]\\s?)?')
const weak = ending(['i am', 'i[\'’]m', 'im', 'this is', 'it[\'’]s', 'its', 'here is', 'sono', 'soy', 'ich bin', 'je suis', 'ik ben', 'jag är', 'sou', '(?:spoke|talk|talked|speak|spoken|chatted) (?:to|with)', 'ask(?:ed)?(?: for)?', 'tell', 'told', 'met', 'met with', 'contact', 'call', 'forward(?: this| it)? to', 'signed by', 'belongs to', '(?:deliver|assign|send|give|show|reply|write|talk|explain|lend|sell|refer|transfer|introduce)(?:ed|d)?(?: \\p{L}{1,12}){0,3} to', 'sold to', 'owned by', 'replaced by', 'run by', 'ici', 'one', 'seen by', 'written by', 'names', 'say(?: hi)? to', 'where is', 'who is', 'can', 'could', 'is', 'patient', 'tenant', 'customer', 'employee', 'user', 'client', 'applicant', 'witness'], '\\s')
const afterwards = /^(?:,? (?:told|said|says|asked|asks|wrote|writes|promised|mentioned|replied|insisted|emailed|texted|phoned|called me|signed|wants|wanted|thinks|thought|feels|lives|lived|works|worked|moved|married|speaking|thanks|thank you|please|are you|can you|could you|hier|am apparat|à l['’]appareil|who (?:handles|handled|works|worked|is|was|lives)|family|siblings|household)\b|['’]s (?:turn|house|birthday|phone|mother|father|wife|husband|car|room|number|account|e-?mail|address|name|son|daughter|code|laptop|ticket|order|booking|parents|funeral|wedding)\b| here[,.\s]| (?:again|from (?:your|the|my|our|support|accounts|accounting|billing|sales|finance|hr|reception|it)\b))/i
const afterWeak = /^(?:[,.;!?)\n]|$|\s(?:and|und|et|y|e|from|again|here|told|said|asked|wrote|call|who|about|that|the person|by|on|at|\(|i said)\b|\s?\()/i
const afterGreeting = /^\s?(?:[,!.:;?\n)–-]|$| ?(?:and|und|et|y|e|&) \p{Lu})/u
/** What makes an institution, a street or a thing of a name before it. */
const kinds = 'Museum|University|College|School|Street|Road|Avenue|Park|Airport|Station|Hospital|Church|Cathedral|Hotel|Bank|Award|Prize|Foundation|Institute|Library|Center|Centre|Stadium|Bridge|Tower|Hall|Theatre|Theater|Islands?|Mountains?|River|Bay|City|County|Inc|Ltd|LLC|GmbH|Corp|Corporation|Group|Consulting|Model|Edition|Version|Method|Theorem|Algorithm|Day|Scale|Test|Shop|Express|Insurance|Airlines'
const institution = new RegExp(String.raw`^(?: and \p{Lu}\p{L}+)?(?:['’]s)? (?:${kinds})(?!\p{L})`, 'u')
const institutionWord = new RegExp(`^(?:${kinds.replace('Park|', '')})$`)

const word = /\p{L}[\p{L}\p{M}]{0,40}(?:['’\-‑]\p{L}[\p{L}\p{M}]{0,40}){0,4}/gu
const particle = /^(?:van|von|de|da|do|dos|das|del|della|der|den|di|du|la|le|el|al|bin|ibn|ben|zu|zur|ter|ten|y|af|av|st)$/i

/** Words of a text that its language is told by; the share of them that is in the lexicon or plain English: of the labelled turns 78 % and more in English, at most 44 % in others but for one. */
const enough = 100
const englishShare = 0.5
const plainEnglish = /^(?:a|an|the|and|or|of|to|in|on|at|for|from|with|by|is|are|was|be|it|that|this|as|not|can|my|your|we|i|you|he|she|they|has|have|had|will|who|what|how|there|here|no|all|one|me|up|out|so|if|about|just|now|please|but)$/

interface Word { readonly text: string, readonly from: number, readonly to: number }
interface Run { readonly words: readonly Word[], readonly last: number }

/** The names in texts that belong together: what is a name in one of them is one in all. */
export function names (texts: readonly string[], isPseudonym: (word: string) => boolean): Personal[][] {
  const read = texts.map(text => [...text.matchAll(word)].map(({ index, 0: match }): Word => ({ text: match.replace(/['’]s$/, ''), from: index, to: index + match.replace(/['’]s$/, '').length })))
  const told = read.map((words, i) => namesIn(texts[i]!, words, isPseudonym))
  // An address of mail has its person's name in it.
  const mailed = texts.flatMap(text => text.match(/[\p{L}._-]{4,60}(?=@)/gu) ?? []).flatMap(local => local.split(/[._-]/)).filter(part => part.length > 3).map(part => part[0]!.toUpperCase() + part.slice(1).toLowerCase())
  const parts = new Set([...mailed, ...told.flat().flatMap(({ words }) => words).map(({ text }) => text)].filter(text => text.length > 2 && isCapital(text) && senseOf(text.toLowerCase()) !== 'word' && !isBoth(text.toLowerCase())))
  return read.map((words, i) => {
    const spans = told[i]!.map(({ words }): Personal => ({ kind: 'name', from: words[0]!.from, to: words.at(-1)!.to }))
    const again = words.filter(({ text }) => parts.has(text)).map(({ from, to }): Personal => ({ kind: 'name', from, to }))
    return [...spans, ...again]
  })
}

function namesIn (text: string, words: readonly Word[], isPseudonym: (word: string) => boolean): Run[] {
  const found: Run[] = []
  const english = isEnglish(words)
  for (let i = 0; i < words.length; i++) {
    const first = words[i]!
    const capital = isCapital(first.text)
    if (!capital && (first.text.length < 2 || senseOf(first.text) === 'word')) continue
    if (isPseudonym(first.text)) continue
    const second = words[i + 1]
    // San Francisco, North Carolina.
    if (second !== undefined && capital && second.from === first.to + 1 && ['word', 'place'].includes(senseOf(`${first.text} ${second.text}`.toLowerCase()))) {
      i++
      continue
    }
    const run = capital ? runFrom(text, words, i, isPseudonym) : lowerRun(text, words, i)
    if (run === null) continue
    const accepted = accept(text, run, found.at(-1), english)
    if (accepted === null) continue
    found.push(accepted)
    i = run.last
  }
  return found
}

/** Capitalised words in a row, with the particles and initials between them. */
function runFrom (text: string, words: readonly Word[], at: number, isPseudonym: (word: string) => boolean): Run | null {
  if (isWord(words[at]!) || senseOf(words[at]!.text.toLowerCase()) === 'place') return null
  const run = [words[at]!]
  let last = at
  for (let i = at + 1; i < words.length && run.length < longestRun; i++) {
    const gap = text.slice(words[i - 1]!.to, words[i]!.from)
    const initial = words[i - 1]!.text.length === 1 && /^\. ?$/.test(gap)
    if (gap !== ' ' && !initial) break
    const next = words[i]!
    if (isPseudonym(next.text)) break
    if (particle.test(next.text)) continue
    // After a particle, as in "van der Berg", any word is a name.
    if (!isCapital(next.text) || (isWord(next) && last === i - 1)) break
    run.push(...words.slice(last + 1, i + 1))
    last = i
  }
  return run.every(({ text }) => text.length === 1) ? null : { words: run, last }
}

function lowerRun (text: string, words: readonly Word[], at: number): Run | null {
  const first = words[at]!
  const before = text.slice(Math.max(0, first.from - lookBehind), first.from)
  const stated = /(?:my name(?:'s|’s| is)|call me)\s$/i.test(before) && !particle.test(first.text)
  const said = /(?:(?:^|\s)(?:i am|i'm|i’m|im|it's|it’s|its|this is|is|ask|tell|told)|^(?:hi|hey|hello|thanks))\s$/i.test(before) && senseOf(first.text) === 'name'
  if (!stated && !said) return null
  const second = words[at + 1]
  const both = second !== undefined && text.slice(first.to, second.from) === ' ' && senseOf(second.text) === 'name'
  return { words: both ? [first, second] : [first], last: both ? at + 1 : at }
}

/** The run where it is a name; null: it is none. */
function accept (text: string, { words, last }: Run, previous: Run | undefined, english: boolean): Run | null {
  const from = words[0]!.from
  const to = words.at(-1)!.to
  const before = text.slice(Math.max(0, from - lookBehind), from)
  const after = text.slice(to, to + lookAhead)
  const core = words.filter(({ text }) => text.length > 1 && !particle.test(text))
  const senses = core.map(({ text }) => senseOf(text.toLowerCase()))
  const shouted = core.every(({ text }) => text.length > 1 && text === text.toUpperCase())
  const whole = { words, last }
  if (!isCapital(words[0]!.text)) return whole
  if (strong.test(before) || label.test(before)) return whole
  if (institution.test(after) || institutionWord.test(words.at(-1)!.text)) return null
  if (greeting.test(before) && afterGreeting.test(after)) return whole
  if (closing.test(before) && /^\s?(?:[,.\n(]|$)/.test(after)) return whole
  const named = senses.indexOf('name')
  if (/^ <[^@\s>]{1,20}@?/.test(after)) return whole
  if (!shouted || named >= 0) {
    const list = previous !== undefined && /^(?: and | und | et | y | e | & | told | told that )$/.test(text.slice(previous.words.at(-1)!.to, from)) && core.length <= 2
    if (list || (afterwards.test(after) && !core.some(({ text }) => isBoth(text.toLowerCase())))) return whole
    if (weak.test(before) && (core.length > 1 || afterWeak.test(after)) && !/\b(?:is|can|could|call|its)\s$/i.test(before)) return whole
    if (weak.test(before) && (named >= 0 || core.length === 1) && /^\s(?:the person|there|in\b|call|please)/.test(after)) return whole
  }
  // Two words that nobody knows, among words that everybody knows.
  if (english && !shouted && core.length >= 2 && core.length <= 3 && senses.every(sense => sense === 'unknown') && core.every(({ text }) => text.length > 2 && /^\p{Lu}[\p{Ll}\p{M}'’-]/u.test(text)) && core.some(({ text }) => !isBoth(text.toLowerCase()))) return whole
  if (named < 0 || (shouted && core.length < 2)) return null
  return whole
}

/** Elsewhere other words than names have capitals, and few are in the lexicon. */
function isEnglish (words: readonly Word[]): boolean {
  const small = words.slice(0, enough).filter(({ text }) => !isCapital(text))
  return small.length > 0 && small.filter(({ text }) => senseOf(text) === 'word' || plainEnglish.test(text)).length / small.length >= englishShare
}

function isCapital (word: string): boolean {
  const first = word.charCodeAt(0)
  // Most words are of these letters, and this is asked of each.
  return first < 128 ? first < 91 : /^\p{Lu}/u.test(word)
}

function isWord ({ text }: Word): boolean { return text.length > 1 && senseOf(text.toLowerCase()) === 'word' }

function ending (cues: readonly string[], gap = '\\s'): RegExp { return new RegExp(`(?<![\\p{L}\\p{N}])(?:${cues.join('|')})${gap}$`, 'iu') }
