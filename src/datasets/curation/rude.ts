import { RegExpMatcher, englishDataset, englishRecommendedTransformers } from 'obscenity'

/**
 * Of obscenity's words those that are no talk of bodies, animals, health or
 * law: an answer about them is no rudeness. It reads through leetspeak, stretched and
 * spaced letters, and knows the words that only hold one (Scunthorpe).
 */
const harmless = new Set(['abeed', 'abo', 'africoon', 'anal', 'anus', 'arabush', 'ass', 'bestiality', 'boob', 'cock', 'dick', 'dildo', 'dyke', 'ejaculate', 'fag', 'felch', 'finger bang', 'hentai', 'hooker', 'incest', 'masturbate', 'negro', 'orgasm', 'orgy', 'penis', 'porn', 'prick', 'pussy', 'rape', 'retard', 'scat', 'semen', 'sex', 'spastic', 'tit', 'tranny', 'turd', 'twat', 'vagina', 'wank', 'bitch', 'crap', 'hell', 'cum', 'negus', 'chink', 'lubejob', 'jerk off', 'double penetration', 'kike'])
const words = new RegExpMatcher({
  ...englishDataset.removePhrasesIf(({ metadata }) => harmless.has(metadata?.originalWord ?? '')).build(),
  ...englishRecommendedTransformers
})

const insult = String.raw`(?:idiots?|morons?|imbeciles?|dumb(?:ass(?:es)?|est|er|o|y)?|dummy|dummies|stupid(?:ity)?|fools?|foolish|losers?|dimwits?|halfwits?|nitwits?|clowns?|jerks?|creeps?|brats?|pricks?|bastards?|bitch(?:es)?|ass(?:es)?|arse|cows?|pigs?|liars?|cheats?|trash|garbage|scum|pathetic|useless|worthless|hopeless|ignorant|clueless|lazy|arrogant|ugly|disgusting|annoying|retard(?:ed|s)?|dense|brainless|disgrace|embarrassment|nuisance|crybab(?:y|ies)|cretins?|waste of (?:space|time)|joke|parasites?|vermin|animals)`
const you = String.raw`(?<!if )(?<!when )(?<!that )(?<!whether )(?<!\p{L})(?:you(?:'re| are| were|'ve been)?|u r|ur|your(?: (?:code|question|stupidity|family|mother))?(?: is| are)?|people like you|customers like you|users like you|what an?|such an?|only an?|another)`
/** Insults said to somebody: a word alone is mostly a word. */
const patterns = [
  new RegExp(String.raw`${you} (?:(?!not |never |no |too |so )\p{L}+,? ){0,3}?(?:too |so |such an? )?${insult}(?!\p{L}| bin| folder| collection| collector| disposal| terminal| chicken| man| sister)`, 'iu'),
  new RegExp(String.raw`^(?:are|aren't) you (?:really |just |completely |totally )?(?:${insult}|blind|deaf)(?!\p{L})|(?:[.!?] )are you (?:blind|deaf|stupid|dense|an idiot)`, 'iu'),
  /(?<!\p{L})(?:that(?:'s| is| was)|this is) (?:a |an |the |just )?(?:stupid|dumb(?:est)?|idiotic|moronic)(?!\p{L})/iu,
  /(?<!\p{L})how (?:stupid|dumb|dense|thick|ignorant|slow) (?:can|are|must) you|(?<!\p{L})(?:nobody|no one) is that (?:stupid|dumb)|what (?:kind|sort) of (?:fool|idiot|moron)/iu,
  /(?<!\p{L})(?:shut (?:up|your (?:mouth|trap|face))(?! down)|get lost[.!]|go to hell|go away(?: and|[.!])|piss off|bugger off|buzz off|get stuffed|drop dead|kill yourself|hang yourself|bite me[.!]|suck it up|screw (?:you|off)|cry me a river|stfu|gtfo|rtfm|f[*#@-]{1,3}k|what the hell is wrong with you|what is wrong with you|figure it out yourself|do it yourself[.!]|get a life[.!]|don't be ridiculous[.!]|spare me your|(?:not|oh,?) you again)(?!\p{L})/iu,
  /(?<!\p{L})(?:stop|quit) (?:wasting my time|whining|complaining|bothering (?:me|us)|crying|being (?:an? |so )?(?:ass|idiot|stupid|lazy|difficult|baby)|acting like)(?!\p{L})/iu,
  /(?<!\p{L})(?:nobody|no ?one|who) (?:cares(?=\?|[.!]| about (?:you|your))|asked (?:you|for your))|(?<!\p{L})i (?:don't|do not) (?:give a |care about your|care what you)/iu,
  /(?<!\p{L})(?:i|we) (?:hate|despise|loathe) you(?!\p{L})|you (?:disgust|sicken) (?:me|us)|you make (?:me|us) sick|i hope you (?:choke|die|suffer|fail)|you deserve to (?:lose|suffer|die|fail)|(?<!\p{L})shame on you|ashamed of yourself/iu,
  /(?<!\p{L})(?:use your (?:brain|head)(?! to)|learn to (?:read|write|spell|listen)(?= before|[.!]|$)|read the (?:damn|bloody|fucking|goddamn)|(?:own )?(?:damn|bloody|goddamn) (?:fault|problem|business|mouth|self)|not my problem|your problem, not (?:mine|ours)|obviously can't read|you wouldn't understand|smarter people than you|worst (?:customer|client|user)|not your babysitter|rocket science, you|have no brain|no brain[.!]|not smart enough|beneath me|you people (?:are|always)|sorry excuse for|even a (?:child|monkey|toddler) (?:would|could|can)|a monkey\?|none of your business, |deal with it, (?:you|loser)|whole family must be proud|should not be allowed near|get(?:s)? no refund|women (?:should|can)n'?t|your (?:crap|shit) elsewhere|whiny|as slow as you|ever get tired of being|should have taught you|wouldn't know an? \p{L}+ if it)(?!\p{L})/iu,
  /(?<!\p{L})(?:do|can) you even (?:listen|read|think)|(?:,|you) (?:dummy|genius|loser|moron|idiot|stupid|dumbass)[.!?]?$/iu,
  // German, French, Spanish, Italian: what is said to somebody.
  /(?<!\p{L})(?:leck mich|halt (?:die klappe|dein maul|'s maul)|verpiss dich|fick dich|arschloch|(?:du|sie|ihr) (?:bist|sind|seid|blöder?|dumme[rs]?) (?:(?:ein|eine|so|zu|doch|echt) )?(?:idiot|trottel|depp|dumm|blöd|kuh|esel|sau|versager)\p{L}*|du dumm\p{L}+|scheiße|scheiss\p{L}*|selber schuld)(?!\p{L})/iu,
  /(?<!\p{L})(?:ferme ta gueule|ta gueule|va te faire|connards?|connasse|salope|(?:tu es|t'es|vous êtes) (?:\p{L}+ )?(?:con|conne|idiote?|stupide|débile|imbécile)s?|eres (?:un |una |muy )?(?:idiota|imb[eé]cil|tont[oa]|est[uú]pid[oa])|vete a la mierda|cállate|gilipollas|pendejo|sei (?:un |una )?(?:idiota|stupid[oa]|cretin[oa]|imbecille)|vaffanculo|stronz[oa]|cala a boca)(?!\p{L})/iu
]

/** Whether a text is rude to whoever reads it: insults, dismissals, vulgar words. Linear in its length. */
export function isRude (text: string): boolean {
  const said = text.replace(/[’‘]/g, "'")
  return words.hasMatch(said) || sentences(said).some(sentence => patterns.some(pattern => pattern.test(sentence)))
}

function sentences (text: string): string[] { return text.match(/[^.!?\n]{1,600}[.!?]?|[.!?]/g)?.map(sentence => sentence.trim()) ?? [] }
