import nlp from 'compromise/two'

/** What a word is known as: somebody's name, another word, a place, another word, or none of these. Places are family names too. */
export type Sense = 'name' | 'place' | 'word' | 'unknown'

/** compromise's list of some 25,000 words with their tags; its tagger, which takes a millisecond a sentence, is left alone. */
const { lexicon } = (nlp as unknown as { model (): { one: { lexicon: Readonly<Record<string, string | readonly string[]>> } } }).model().one

const names = new Set(['MaleName', 'FemaleName', 'FirstName', 'LastName', 'Person'])
const places = new Set(['City', 'Region', 'Place'])
/**
 * Names that are also words, months, places, makes and products: alone they
 * are names only where the sentence says so.
 */
const both = new Set(('ada alexandria alma amber angel angela asia aurora austin autumn avery basil bella bill bob brandy brooklyn buddy carol charity charlotte chase chelsea cherry chloe christian christy chuck claude crystal daisy dakota dawn dean destiny diamond dolly don dot drew duke earl easter eden elm eve faith fern florence ford forest frank gay gene georgia ginger glen glory grace grant gray green guy harmony harper harry hazel heather heaven holly hope hunter iris ivory ivy jack jade jasmine jasper jean jersey jewel johnson jordan joy judge julia june king kent kitty lake lance lane lily lincoln love lucky madison major marina mark marks mason max may melody mercedes mercy mike miles misty moore moss nelson norm olive paige pascal patience pat peace pearl penny pepper peter petra phoenix poppy price prince princess rabbi ray read reed rich river rob robin rock rod rose royal ruby rusty sandy savannah sage saint scarlett shell sierra sky sterling stone sue summer sunny sydney tiffany travis trinity troy tulip van velvet victor victoria viola violet virginia wade walker wells west will willow windsor winter wood woods young dell chase hilton marriott morgan ross mini duncan hershey jenkins gradle kelly tesla bell ryan martin newton bayes euler einstein shakespeare hamlet disney ferrari marx darwin kafka plato siemens benz dior chanel gucci levi wilson park hill lane banks bush berg field fields brooks rivers cook baker smith carter young leo cher cross marsh bishop carolina patrick').split(' '))
/** Words that stand where names stand and are none, and that the list lacks. */
const others = new Set('all any anyone anybody back chat colleague colleagues community dear dr everybody everyone everything folk folks friend friends fraulein guys hello herr hey hi hiring it ladies madam madame me mum dad mom mother father mr mrs ms miss monsieur nobody no one ok okay people please prof professor reader recipient sales señor señora sir sirs sister someone somebody staff support team teams there vegan vegetarian windows world yes your you assistant bot user agent admin interviewer candidate caller kunde kundin kollegen damen herren student studentin zusammen leute client clients cliente clientes professeur madame tous toutes todos equipo équipe welt mundo monde professional premium pro plus basic lite app account settings unable stuck locked currently trying catholic muslim jewish protestant hindu buddhist sikh atheist orthodox lutheran android netflix milky andromeda insurance technique swarm docker kubernetes prize burger summarize summarise compare translate rewrite explain describe list generate install english siri alexa amazon google santa claus berlin london milan dallas houston denver orlando'.split(' '))

const known = new Map<string, Sense>()

/** A word, or two with a space, in small letters; a possessive `'s` or the plural of a word that is known counts as the word. */
export function senseOf (word: string): Sense {
  const before = known.get(word)
  if (before !== undefined) return before
  const sense = both.has(word) ? 'unknown' : lookedUp(word)
  // A text has few words; a hostile one must not fill the memory.
  if (known.size < 50_000) known.set(word, sense)
  return sense
}

/** Whether it is a name in some sentences and a word in others. */
export function isBoth (word: string): boolean { return both.has(word) }

function lookedUp (word: string): Sense {
  if (others.has(word)) return 'word'
  const tag = Object.hasOwn(lexicon, word) ? lexicon[word] : Object.hasOwn(lexicon, word.replace(/s$/, '')) && !names.has(String(lexicon[word.replace(/s$/, '')])) ? 'Plural' : undefined
  if (tag === undefined) return 'unknown'
  const tags = typeof tag === 'string' ? [tag] : tag
  return tags.every(tag => names.has(tag)) ? 'name' : tags.every(tag => places.has(tag)) ? 'place' : 'word'
}

/** Towns, regions, countries and origins that a text names. */
export function placesIn (text: string): (readonly ['place' | 'origin', string])[] {
  return [...text.matchAll(/(?<!\p{L})\p{Lu}\p{Ll}{2,24}(?: \p{Lu}\p{Ll}{2,24})?(?!\p{L})/gu)].flatMap(({ 0: match }): (readonly ['place' | 'origin', string])[] => {
    const whole = match.toLowerCase()
    for (const word of [whole, ...whole.split(' ')]) {
      const tag = Object.hasOwn(lexicon, word) ? [lexicon[word]!].flat() : []
      if (tag.some(tag => places.has(tag) || tag === 'Country')) return [['place', word]]
      if (tag.includes('Demonym')) return [['origin', word]]
    }
    return []
  })
}
