import { type Rule, rule } from './rule.ts'
import { im, my, shade } from './vocabulary.ts'

const nothing = '(?:not|the (?:first|second|third|other|last|former|latter|one|way|idea|look|new|old|fact|sound)|that|this|those|these|it|them|him|her|you|your|how|when|where|what|why|if|whoever|to (?:say|think|know|see|hear|admit|believe)|so|neither|either|both|any of|some of|all of)'

/** What someone likes and how, in English. */
export const tastes: readonly Rule[] = [
  rule('preference', 'length',
    `i ${shade}(?:prefer|like|want|love) (?:\\w+ )?(?:short|long|brief|concise|detailed|longer|shorter|thorough) (?:answers|replies|responses|explanations)`
  ),
  rule('preference', 'units', `(?:i|i'd|i would|we) ${shade}prefer (?:metric|imperial|celsius|fahrenheit)`),
  rule('preference', null,
    `(?:i|we)(?:'d| would)? ${shade}(?:prefer|favou?r) (?!${nothing}\\b|to (?:wait|keep it|leave it))(?=[\\p{L}\\d_])`,
    `i used to prefer|${my} preference is (?!the (?:first|second))`,
    '(?:i|we)(?:\'d| would) (?:much |always )?rather (?!not\\W|not,|you|it|die|say|we\\b|not say|be (?:dead|wrong))(?=\\p{L})',
    `(?:i )?(?:really |just |absolutely )*(?:can'?t|cannot) stand (?!${nothing}\\b)(?=\\p{L})`,
    `i ${shade}(?:hate|dislike|detest|loathe|despise|adore|love|enjoy|like) (?!${nothing}\\b|my job\\b|the\\b|seeing|to(?:\\W|$)(?! )|all\\s+the|to (?:bother|break|be (?:a|that)|disappoint)|a good|mondays?\\W)(?=[\\p{L}_])`,
    `i ${shade}(?:like|love|want|take) my (?!\\w+\\W*$)`,
    `i (?:really |just )?(?:don'?t|do not) (?:really |much |particularly )?(?:like|enjoy|love|care for|trust) (?!${nothing}\\b|the\\b)(?=\\p{L})`,
    'i (?:really |just )?(?:don\'?t|do not|never) (?:drink|smoke|use social|watch tv|wear|want to (?:use|touch|see|go|do|spend|buy|pay|drive|fly|travel|eat))\\b',
    'i only (?:buy|eat|drink|wear|use|read|watch|listen|fly|travel|cook|shop|date|work)\\b(?! (?:the|this|that|it)\\b)',
    '(?:i|we) never (?:go|eat|drink|wear|buy|use|fly|travel|cook|watch|read|drive|work|skip|leave)\\b(?! (?:the|this|that|it|to)\\b)',
    '(?:i|we) (?:always |usually |really )?try (?:not )?to (?:avoid|eat|buy|keep|limit|use|cook|live|drink|save|stay|be|walk|cycle|spend)\\b(?! (?:the|this|that|it)\\b)',
    '(?!(?:that|this|it|which|what|who|can|could|please|will|would|you|they)\\b)[\\p{L} -]{3,30} (?:really )?helps? me(?: a lot| most| (?:to )?(?:learn|understand|focus|remember|follow))\\b',
    '[\\p{L} ]{3,40} (?:works? (?:best|better|well) for me|suits? me (?:best|better))',
    'i avoid (?!the\\b|this|that|it\\b)',
    `(?:${im} ${shade}(?:not )?|not |(?=big |huge ))(?:(?:really|exactly|much of) )?(?:an? )?(?:big |huge )?(?:fan of|fond of|into|keen on|partial to|obsessed with|crazy about|(?:an? )?(?:sucker|big sucker) for)(?= (?!${nothing}\\b|the\\b|trouble|account|an? (?:issue|problem|error|bug|wall)))`,
    `${im} ${shade}(?:not )?(?:(?:really|exactly|much of) )?(?:an? |more of an? )(?:[\\p{L}-]+ ){1,2}(?:person|people|user|lover|drinker|eater|sleeper|type|guy|girl|kind of person)\\b(?! (?:account|interface|id|name|story))`,
    `${im} ${shade}more of an? `,
    `${my} (?:all[- ]time |personal )?favou?rite (?:\\p{L}+ ){1,3}?(?:is|are|has (?:always )?been|was always) (?!the (?:one|part|scene|moment|bit)|when|where|that)`,
    // Habits, in the present tense; what always goes wrong is none.
    '(?:i|we) always (?!\\p{L}+ed\\b|thought|knew|said|had|have to|got|get|forget|see|end up|mix|confuse|fail|lose|struggle|want|feel|seem|run into|do(?:es)? (?:this|that|it)|make (?:this|that|the))\\p{L}+ (?!(?:this|that|it|the (?:same|wrong))\\b)',
    '(?:i|we) (?:usually|normally|typically|tend to|generally|mostly) (?!get (?:this|that|the|an?) |see|have (?:this|that|the|an?|to)|run into|do (?:this|that|it)|end up|forget|fail|lose|works?\\b(?! (?:from|at|in|on|nights))|use (?:this|that|it)\\b)\\p{L}+ (?!(?:this|that|it)\\b)',
    'i find it (?:easier|harder|helpful|best|annoying|hard|useful|more \\w+) (?:when|to (?:read|learn|follow|understand|work|think|remember)|if)',
    'i (?:really |do )?(?:appreciate|value) (?!your|our|the\\b|it\\b|that|this|you|any (?:help|advice|input|tips)|all|how)(?=\\p{L})',
    `(?:${im}|we'?re|we are) ${shade}trying to (?:keep|cut|avoid|eat|lose|save|quit|stop (?:smoking|drinking|eating|using)|reduce|limit|live|drink|spend|be more|exercise|get (?:fit|healthier)|learn (?!why|how to fix)|stick)`,
    `${im} ${shade}(?:scared|afraid|terrified|frightened) of (?!what|the (?:result|exam|answer)|losing|this|that)`,
    'i(?:\'d| would) (?:like|love|want) (?:my|your|all|every) .*\\b(?:always|whenever|every time)\\b')
]
