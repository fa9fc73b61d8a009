/** Between two clauses of a sentence. */
const between = /[,;(]\s*|:\s+|\s[-–—]+\s|—|\.{2,}\s*|…\s*|\s(?:and|but|so|because|cuz|cause|coz|since|as|though|although|while|whereas|plus|und|aber|et|mais|y|pero)\s+(?=\S)/giu
/** What may stand before a colon of the writer's own; after any other follows what is talked about. */
const ownColon = /(?:^|[,.!]\s*)\W*(?:(?:quick |small |one more |one |another |some |a bit of |just |my |important |the )*(?:remember|note|ps|p\.s|update|fyi|btw|thing|context|background|info|about me|heads[- ]up|edit|reminder|rule|preferences?|request|correction|also|instructions?|formatting|style|diet|hi|hello|hey))\s*$/iu
/** What begins a clause and says nothing. */
const opening = /^(?:(?:(?:well|ok|okay|oh|hey|hi|hello|hiya|hej|yes|yeah|yep|no(?=[,.!])|nope|nah|btw|by the way|fyi|fwiw|also|and|but|so|or|then|actually|honestly|sorry|thanks|thank you|anyway|look|listen|ps|tbh|to be honest|in general|generally|good (?:morning|evening|afternoon)|there|everyone|just|as i said|like i said|lol|ugh|please note that|note that|you know|i think|i guess|i mean|i'?d say|though|because|since|unfortunately|sadly|luckily|finally|these days|nowadays|now|right now|currently|at home|personally|for me|in my case|both|quick question|for context|in fact|apparently|one thing|firstly|first|second|secondly|und|et|y|aber|also|since|yes please|thx|ty)(?=[\s,:;!.-]|$)|as(?= (?:i|we)\b)|(?:my|our) \p{L}+ and (?=i\b)|(?:for|on|in|at|during|after|with) (?:\p{L}+ ){1,3}(?=(?:i|i'm|i'd|we|we're)\b))[\s,:;!.-]*)+/iu

/** Where the clauses of a sentence begin and end, without what opens them. */
export function clausesOf (sentence: string): { from: number, to: number }[] {
  const clauses: { from: number, to: number }[] = []
  let start = 0
  for (const { index, 0: gap } of [...sentence.matchAll(between), { index: sentence.length, 0: '' }]) {
    const from = start + (opening.exec(sentence.slice(start, index))?.[0].length ?? 0)
    if (from < index) clauses.push({ from, to: index })
    if (gap.startsWith(':') && !ownColon.test(sentence.slice(0, index))) break
    start = index + gap.length
  }
  return clauses
}
