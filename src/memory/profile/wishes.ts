import { type Rule, rule } from './rule.ts'
import { ask, language, makeup, output } from './vocabulary.ts'

/** The end of a word that a list leaves open. */
const end = '(?![\\p{L}\\p{N}_])'
const please = '(?:(?:please|pls|plz|just|kindly|and|also|then) )*'
const you = '(?:(?:can|could|would|will) you (?:please |maybe |just )?|i(?:\'d| would) (?:like|love|want) you to |i (?:want|need) you to |you (?:should|must|can|may|need to|have to) |make sure (?:to |you |that you )|be sure to |try to |remember to |you(?:\'ll| will) |i ask that you )?'
const dont = "(?:don'?t|do not|never|stop|quit|avoid|refrain from|no need to)(?: ever)?"

/** What is asked for from now on, in English. */
export const wishes: readonly Rule[] = [
  {
    ...rule('instruction', null,
    `(?:whenever|when|if|every time|each time|any ?time|next time) (?:i|we) ${ask}${end}[^,]*,? (?:then )?(?:${please}(?:only|always|never|don'?t|do not|no|give|use|answer|reply|respond|write|suggest|recommend|list|show|include|add|tell|ask|remind|explain|keep|start|put|make|say|convert|translate|check|assume|skip|call|be|stick|format|provide|cite|send|offer|warn|point|first)|you should|i want)${end}`,
    `(?:whenever|every time|each time|any ?time) you [^,]+,? ${please}(?:only|always|never|don'?t|do not|give|use|write|list|show|include|add|tell|ask|explain|keep|start|put|make|say|check)${end}`,
    'if (?:you\'?re|you are|you) (?:not sure|unsure|uncertain|in doubt|don\'?t know|can\'?t|are missing)[^,]*, ',
    `(?:after|before|at the (?:end|start|beginning) of|for|with|in) (?:each|every|any|all|your|(?:recommending|suggesting|writing|answering|giving|replying|changing|starting|explaining)\\b)[^,]*, ${please}(?:always |never |only )?(?:ask|quiz|test|give|show|tell|use|add|include|list|explain|summari[sz]e|offer|check|write|remind|start|end|put|suggest|let|wait|do|make|keep|warn|cite|don'?t|no)\\b`
    ),
    whole: true
  },
  rule('instruction', 'name',
    `${please}(?:don'?t|do not|never|stop) call(?:ing)? me (?!back|again|when|at|on|tomorrow)`,
    `${please}${you}(?:call|address|refer to) me (?!crazy|old[- ]fashioned|maybe|back|when|later|tomorrow|tonight|again|stupid|paranoid|cynical|skeptical|a (?!doctor)|an |if|on|at|out|in|every|biased|picky)\\S`,
    '(?:you|people|friends|everyone|everybody)(?: can| may| could)? (?:just )?call me (?!crazy|back|when|at|on|a )\\S',
    'i (?:go by|prefer to be called|like to be called|answer to) '
  ),
  rule('instruction', 'language',
    `${please}${you}(?:always |only )?(?:answer|reply|respond|write(?: to me)?|speak|talk)(?: back| to me| with me)?(?: always| only)? in ${language}${end}`,
    `${please}${you}(?:always |only )?speak ${language}(?: with| to) me`,
    `(?:only |always )?(?:answers|replies) (?:only )?in ${language}`
  ),
  rule('instruction', 'length',
    `${please}${you}(?:always )?keep (?:it|this|that|things|them|(?:your |the )?(?:answers?|replies|reply|responses?|explanations?|messages)) (?:\\w+ ){0,3}(?:short|brief|concise|succinct|terse|crisp|to the point|compact|tight|detailed|long|snappy)`,
    `${please}(?:don'?t|do not|no need to) keep (?:it|your answers|answers|things) (?:\\w+ ){0,2}(?:short|brief|concise)`,
    `${please}${you}(?:always )?be (?:\\w+ )?(?:brief|concise|short|succinct|terse|less verbose|less wordy|more (?:brief|concise|detailed|verbose|thorough))`,
    `${please}(?:only )?(?:short|shorter|brief|concise|one[- ](?:line|sentence|word)|long|longer|detailed) (?:answers?|replies|responses)(?: only| please)?(?: from now on)?\\W*$`,
    '(?:shorter|longer|briefer|less detail|more detail),? please\\b',
    `${please}${you}(?:always )?(?:answer|explain things|explain|reply|respond) (?:\\w+ )?in (?:more|less|great) detail(?= from now|\\W*$| please)(?=.*\\b(?:from now on|always|in future)\\b)`
  ),
  rule('instruction', 'units',
    `${please}${you}(?:always )?(?:use|stick to|give me|switch to) (?:only )?(?:metric|imperial|celsius|fahrenheit|kilomet(?:er|re)s|kilograms|si units)`,
    `${please}${you}(?:always )?give (?:all |me )?(?:the )?(?:distances?|temperatures?|weights?|measurements?|amounts|lengths?|heights?) in ${end}`
  ),
  rule('instruction', 'tone',
    `${please}${you}(?:always )?be (?:a (?:bit|little) |more |less |very |really |much )*(?:formal|informal|casual|polite|friendly|blunt|direct|honest|warm|playful|professional|serious|chatty|sarcastic|encouraging)(?: with me| in your| when| please|\\W*$)`,
    'feel free to (?:swear|curse|be (?:blunt|direct|rude|honest|casual)|joke|use slang)',
    `${please}(?:use|keep) (?:a |an |the )?(?:more )?(?:formal|informal|casual|friendly|professional|neutral|polite) (?:tone|language|register|style)`,
    `${please}(?:treat|talk to|speak to) me (?:like|as)`
  ),
  rule('instruction', 'format',
    `${please}${you}(?:always |only )?use (?:only )?(?:bullet points?|bullets|lists|prose|paragraphs|plain paragraphs|plain text|markdown|tables|numbered lists|json|headings)(?: for (?!this)| when| in (?:your|all)| please| instead| only|\\W*$)`,
    `${please}(?:i want |i'd like )(?:your |the |all )?(?:answers?|replies|responses|output|everything) (?:\\w+ )?(?:in|as) `,
    `${please}(?:answer|reply|respond|write)(?: only| always)? (?:in|as|with) (?:plain |short )?(?:bullet points|bullets|prose|paragraphs|plain text|markdown|json)(?: only| always|\\W*$)`
  ),
  rule('instruction', null,
    `(?!you (?:can|may|could) always)${please}(?:and )?${you}(?:always|never)(?: ever)? ${output}${end}(?! up| into| of (?:that|the|my|a)\\b)`,
    `${please}you (?:should|must|need to) (?:always|never) `,
    `${please}${dont} (?:ever )?${output}\\b(?=.*${makeup})`,
    `${please}${dont} (?:lecture|lecturing|apologi[sz]e|apologi[sz]ing|assume (?:i|that i|my|we)|assuming (?:i|that i|my)|mention(?:ing)? my|remind(?:ing)? me|telling me|tell me to|explain(?:ing)? (?:every|the basics|basics|what|things i)|repeat(?:ing)? (?:my|yourself|the question)|sugarcoat|patroni[sz]|suggest(?:ing)? (?!we|that we|it)|recommend(?:ing)? |summari[sz](?:e|ing) (?:what|my|at|every)|ask(?:ing)? me (?:if|how|whether|to|follow|more)|start(?:ing)? (?:your|every|each|with|a (?:reply|answer|sentence))|end(?:ing)? (?:your|every|each|with)|thank|flatter|praise|saying |say ["'_a-z]+ (?:every|all|so often|anymore)|hedg|offer(?:ing)? |being so|be so |give me (?:advice|financial|medical|long|more than)|giving me |guess)`,
    `${please}${dont} \\p{L}+ .*\\b(?:you write for me|in (?:your|the) (?:answers?|replies|responses|code you)|when you (?:answer|reply|write)|from now on|when answering)`,
    `${please}(?:and )?no (?:more )?(?:\\p{L}+ )?${makeup}\\b(?!\\?)`,
    `${please}${you}(?:skip|drop|leave out|omit|cut) (?:the|all|any|your) (?:\\p{L}+ )?${makeup}`,
    '(?:from (?:now|here|today|this point) on(?:wards?)?|going forward|moving forward|henceforth|for (?:all )?future (?:answers|replies|chats|conversations)),? (?=[\\p{L}_])',
    `${please}${you}(?:offer|give|show|suggest|list|use|include|write|ask) .*\\b(?:whenever you can|when(?:ever)? possible|wherever possible|after (?:each|every)|before (?:each|every|answering|you (?:answer|write|suggest)))\\b`,
    `${please}stop \\p{L}+ing (?:everything|things|stuff|words|all)\\b`,
    `${please}you (?:can|may) (?:always )?(?:write|talk|speak|reply|answer|respond) (?:to me )?in ${language}`,
    'no (?!thanks|problem|worries|rush|need|more questions|idea)[\\p{L}-]+(?: [\\p{L}-]+){0,3},? (?:please|pls|thanks)\\b',
    `${please}stop \\p{L}+ing (?:me|my|your|so|at the|every)\\b`,
    `${please}${dont} (?:guess|compliment|correct|judge|interrupt|rush|criticize|translate|shorten|censor) (?:me|my)\\b`,
    `${please}${you}(?:warn|ask|check with|consult|alert|notify) me (?:before|if|when(?:ever)?) (?:you|i|something|anything|it)`,
    `${please}${you}(?:assume|use|write|give|show|answer|reply|default|stick|keep|prefer|include|suggest) .*\\b(?:unless (?:i|told|asked|otherwise|we|it'?s)|by default)\\b`,
    `in (?:the )?future,? ${please}(?:don'?t|do not|no|always|never|only|start|use|give|answer|reply|respond|keep|add|put|write|show|tell|ask|include|skip|call|be|make|stick|remember)${end}`,
    `${please}${you}(?:use|stick to|prefer|write in) (?:only )?(?:the |a )?${makeup}\\b(?=(?: \\p{L}+)?\\W*$|.*\\b(?:not|always|instead|from now on|rather than|please|when(?:ever)?|in your|for (?:all|any|every)|unless)\\b)`,
    `${please}i (?:want|need|'d like) you to .*\\b(?:every time|each time|always|from now on|when(?:ever)? (?:i|you))\\b`,
    `${please}${you}(?:ask me one|ask one question|ask me before|spell out|think step by step|explain your reasoning|show your work|admit|say so (?:if|when)|let me know (?:whenever|every time))`,
    `${please}${you}(?:add|end with|start with|finish with|put|include|begin with|append) .*\\b(?:at the (?:end|start|beginning|top|bottom) of (?:your|every|each|all|long|any)|always|every (?:time|answer|reply|response|message)|in (?:your|all|every)|each (?:time|answer|reply|response))\\b`,
    `${please}${you}(?:give|write|show|list|ask|tell|remind|put|explain|suggest|check|use|answer|reply|warn|respond|say|translate|convert|format|include|call|cite|round|start) .*(?:\\b(?:from now on|whenever (?:i|you|they|it|there|we|possible)|every time (?:i|you)|each time (?:i|you)|in future|going forward|when(?:ever)? (?:i|you) (?:ask|suggest|recommend|write|say|reply|answer|use)|the first time you use|when you write .* for me)\\b|, always\\W*$| every time\\W*$)`)
]
