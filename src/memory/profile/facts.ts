import { type Rule, rule } from './rule.ts'
import { condition, diet, food, im, ive, job, language, medicine, my, number, origin, pet, relative, shade } from './vocabulary.ts'

/** Who someone is and where, in English. */
export const facts: readonly Rule[] = [
  rule('fact', 'name',
    '(?:(?:my|our) (?:full |first |real |nick)?name(?:\'?s| is)|the name\'s) (?!on|in|not|too|spelled|a |the |being|what|listed|missing|wrong)'
  ),
  rule('fact', 'pronouns',
    `${my} pronouns are`,
    'i use (?:she|he|they|xe|ze)[/ ]',
    `${im} (?:she/her|he/him|they/them)`,
    '(?:they/them|she/her|he/him)'
  ),
  rule('fact', 'home',
    "(?:i|we)(?:'?ve| have) (?:been|lived) (?:living |based )?in (?!(?:this|that|the|a|an|my|our|love|touch|bed|line|contact|trouble|pain|here|there)\\b)[\\p{L} ]{3,40} (?:for|since)\\b",
    `(?:i|we) ${shade}(?:live|reside) (?!for\\b|here\\b|there\\b|by (?:the|a) (?:rule|motto|code)|and\\b|with (?:the|that|this|it)|to\\b|on (?:coffee|caffeine))`,
    `(?:${im}|we'?re|we are) ${shade}(?:based|living|located|residing|settled) (?:in|near|at|on|out|outside|with)\\b`,
    `${my} (?:home ?town|home|flat|house|apartment) is in `
  ),
  rule('fact', null,
    `i ${shade}(?:grew up|was raised) (?:in|near|on|speaking)`,
    `${im} ${shade}from (?!the (?:future|team|bank)|here|work)(?=\\p{L})`,
    'i come from (?!a (?:place|position))',
    `${im} ${shade}(?:an? )?(?:\\p{L}+-)?${origin}(?: by birth| originally| citizen| national)?(?=[\\s,.!;]|$)`
  ),
  rule('fact', 'birthday',
    `${my} birthday(?:'?s| is) (?!ruined|cancelled|party|present)`,
    'i was born (?:in|on) (?=.*\\d)',
    'i was born on'
  ),
  rule('fact', 'age',
    `(?:${im}|as an?) ${shade}${number} (?:years? old|yo|y/o|yrs? old)`,
    `${im} ${shade}(?:in my (?:early |mid |late |mid-)*(?:twenties|thirties|forties|fifties|sixties|seventies|eighties)|(?:over |nearly |almost )?(?:1[0-9]|[2-9]\\d))(?=\\s*(?:[,.!;)]|$|and\\b|now\\b|m\\b|f\\b))`
  ),
  rule('fact', 'diet',
    `(?:i'?ve |i have )?been on (?:an? )?(?:strict )?${diet}`,
    `(?:${im}|we'?re|we are) ${shade}(?:an? )?(?:strict |lifelong )?${diet}`,
    `i (?:keep|eat|follow) (?:a |an )?(?:strict )?(?:mostly )?${diet}`
  ),
  rule('fact', 'work',
    "(?:i|we)(?:'?ve| have) (?:been working|worked) (?:as|at|for|in) (?!(?:this|that|it|the (?:past|last)|hours|days|a (?:while|few))\\b)",
    '(?:i|we) (?:[\\p{L}\']+ ){1,6}for a living',
    `i ${shade}work (?:(?:full|part)[- ]time )?(?:as|at|for|in|with|from home|nights|days|shifts|remotely|night shifts?|weekends|on (?:a|an|the))(?! (?:moment|it|that|this|now|all|least)\\b)`,
    `${im} ${shade}(?:also )?(?:an?|the|head|lead|chief|senior|junior|your) (?:\\p{L}[\\p{L}-]*[ -](?:school |care |and )?){0,3}?(?!better|bigger|super)${job}(?=[\\s,.!;:)/]|$)(?! (?:of (?:the|a|fortune)|than|mode|who (?:hates|loves)))`,
    `${im} ${shade}(?:working|employed) (?:as|at|for|in) (?!on)`,
    `${im} ${shade}(?:unemployed|self-employed|between jobs|in (?:sales|marketing|finance|hr|it|tech|consulting|retail|logistics|healthcare|education|hospitality|construction|real estate|academia|advertising|publishing|the (?:army|navy|military|police))|on (?:parental|maternity|paternity) leave)`,
    '(?:i|we) (?:run|own|manage|founded|started) (?:a|an|my own|our own|the|two|three) (?!test|script|program|query|command|few|race|check|car|job|few|marathon|simulation|server|search)',
    `${im} ${shade}(?:doing|finishing|starting|on) (?:my |a |an )?(?:phd|ph\\.d|doctorate|masters?|mba|apprenticeship|residency|postdoc)`,
    `as an? (?:\\p{L}+[ -]){0,2}?${job}(?= (?:i|my|we)\\b|,? i\\b)`,
    '(?:i|we) (?:teach|farm|code for a living|write for a living|design) (?=\\p{L})'
  ),
  rule('fact', null,
    `i ${shade}(?:study|major in|am studying|'m studying|'m majoring in) (?!the|it|this|that)`,
    `${im} ${shade}(?:studying|majoring in) (?!the|it|this|for the|that)`
  ),
  rule('fact', null,
    `(?:i|we) ${shade}(?:don'?t|do not|can'?t|cannot|can not|never|shouldn'?t) (?:eat|have|drink|tolerate|digest) (?:any |much )?(?:\\p{L}+ (?:or|and) )?${food}`
  ),
  // Body and mind.
  rule('fact', null,
    `(?:${im}|we'?re) ${shade}(?:\\w+ )?(?:allergic|intolerant|sensitive) to `,
    `${ive} ${shade}(?:had )?(?:\\w+ )?${condition}`,
    'i (?:suffer from|struggle with|live with) ',
    "i(?:'ve| have)? (?:was|were|been|got|am) (?:recently |just )?diagnosed ",
    "i'?ve been diagnosed ",
    `${im} ${shade}(?:\\p{L}+ ){0,2}?(?:colou?r[- ]?blind|blind|deaf|hard of hearing|dyslexic|autistic|diabetic|asthmatic|epileptic|pregnant|disabled|neurodivergent|left[- ]handed|ambidextrous|visually impaired|in a wheelchair|short-sighted|near-sighted|bipolar|anaemic|anemic|breastfeeding)`,
    'i (?:use|am in|\'m in) a wheelchair',
    'i take (?!it|that|the (?:bus|train|second|first)|my time|a (?:look|break|bus|train)|this|your|for granted|care|notes|part|turns)(?=.*\\b(?:daily|a day|every (?:day|morning|evening|night)|twice|for my|mg|medication|meds|pills?|tablets?|inhaler)\\b)'
  ),
  // Tongues.
  rule('fact', null,
    `(?:i|we) ${shade}speak (?:\\w+ ){0,2}?${language}`,
    `${my} (?:native|first|second|mother|third) (?:language|tongue) is`,
    `${language} is (?:my|only my) (?:\\w+ )?(?:native|first|second|third|mother|fourth)`,
    `(?:${im}|i'?ve been|i have been) ${shade}learning (?!that\\b|how\\b|a (?:lot|ton|bunch)|lots|from|more\\b|so much|to (?:use|install|deal|live|cope)|about|the\\b|this|it\\b)(?=\\p{L})`,
    `(?:(?:${im}|i'?ve been|been) )?${shade}on (?:an? )?${medicine}${'(?![\\p{L}])'}`,
    `i don'?t speak (?:\\w+ )?(?:${language})`,
    `${im} ${shade}(?:fluent|bilingual|a native)`
  ),
  // Family, animals, things.
  rule('fact', null,
    `${my} (?:\\w+ )?(?:${relative}|${pet})'?s? (?:name|names) (?:is|are|'s)|${my} (?:\\w+ )?(?:${relative}|${pet}) (?:is|are|'s) (?:called|named|allergic|vegan|vegetarian|deaf|blind|autistic|from|in (?:a|her|his) |${number}\\b(?! minutes| hours| late)|an? (?!bit|little|pain|nightmare|mess|genius|idiot|joke|big fan|saint))`,
    `${my} ${relative} and i (?:are|have|live|both)|${my} ${relative} \\p{L}+ (?:is|turns|lives|works|has|was|can'?t|doesn'?t)\\b(?<! (?:is|just|now|always|who|that|never|also|really|still|probably) (?:is|turns|lives|works|has|was|can'?t|doesn'?t))(?! (?:calling|coming|going|visiting|late|here|sick|asleep))|${my} (?:\\w+ )?(?:${relative}|${pet})'s (?:called|named)|${my} (?:\\w+ )?${relative} ${shade}(?:lives?|works? (?:as|at|for|in)|studies|speaks?|has (?:\\w+ )?${condition}|have (?:\\w+ )?${condition}|was born|were born|was diagnosed|doesn'?t (?:eat|drink|like)|can'?t (?:eat|have|drink|stand)|(?:hates|loves|likes) (?!this|that|it|you|your|the\\b|to (?:see|hear))|is (?:an? )?(?:\\p{L}+ )?(?:${job})|is (?:severely |very |badly )?allergic|died|passed away)\\b`,
    `(?:i|we) ?(?:'ve| have|'ve got| have got| got| own| keep| also have| adopted| have adopted|'ve adopted) (?:an? |my |the )?(?:${number}|\\w+)?(?: \\w+){0,2}? ?(?:kids?|child|children|sons?|daughters?|boys|girls|twins?|baby|brothers?|sisters?|siblings?|grandchildren|grandkids|step\\w+|${pet})(?=[\\s,.!;]|$)(?! (?:question|problem|gif|picture|costume|food|toy|photo))`,
    `(?:${im}|we'?re|i'?ve been|we'?ve been|i am a) ${shade}(?:happily )?(?:married|divorced|engaged|widowed|single|a (?:single )?(?:mum|mom|mother|dad|father|parent|grandmother|grandfather|widow|widower))(?! to the| out)`
  ),
  rule('fact', null,
    `i ${shade}(?:drive|ride) (?:an? |my )(?:\\w+ )?(?=\\p{Lu}|\\d{4}|motorbike|motorcycle|scooter|van|truck|tesla|diesel|hybrid)`,
    `i ${shade}(?:use|run|have|own|am on|'m on) (?:an? |my )?(?:linux|ubuntu|debian|fedora|arch|nixos|macos|a mac|windows|mac|macbook|iphone|android|thinkpad|chromebook|ipad|pixel|samsung|screen reader|hearing aids?)\\b`,
    `${my} (?:phone|car|laptop|computer|pc|bike|camera|tablet|browser|editor|os|operating system) is an? `,
    `${my} (?:shoe size|ring size|dress size|time ?zone|height|weight|blood type|star sign|email|e-mail|email address|phone number|number|job title|religion|nationality|goal|dream|daily (?:budget|limit)|commute|insurance|doctor|gp|landlord|salary|degree|username|handle|zodiac sign|eye colou?r|hair colou?r|hobby|hobbies|profession|occupation|background|specialty)(?:'s| is| are) (?!not|the (?:cache|problem)|too|what|wrong|so|annoying|slow|calling|coming|about|driving)`,
    `${im} (?:\\d(?:'|\\.\\d|\\d\\d ?cm| ?ft| ?foot)|\\d{2,3} ?(?:kg|lbs|cm))`,
    `(?:${im}|i'?ve been|i have been|been) ${shade}training for (?:my|a|an|the) `,
    'i(?:\'ve| have) been on (?!hold|the|vacation|holiday|it|this|my|a\\b)\\p{L}+ (?:for|since)',
    'we use \\S+ (?:here|at work|in our)',
    'i ' + shade + 'play (?:the )?(?:violin|piano|guitar|cello|bass|drums|flute|clarinet|saxophone|trumpet|trombone|viola|harp|ukulele|banjo|organ|tennis|football|soccer|basketball|chess|hockey|rugby|golf|cricket|volleyball|badminton|handball|squash|padel)',
    `${im} ${shade}(?:an? )?(?:\\w+ )?(?:beginner|novice|newbie|intermediate|newcomer|expert|native speaker|amateur) (?:at|in|to|with|when)`,
    `${im} ${shade}(?:new|completely new) to (?!this (?:chat|app|thread))`,
    'i was born '
  )
]
