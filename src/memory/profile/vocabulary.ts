/** Words that the rules of profiles are made of, as sources of regular expressions. All are matched without regard to case. */

function oneOf (alternatives: string): string { return `(?:${alternatives.trim().replace(/\s*\n\s*/g, '')})` }

export const im = "(?:i'?m|i am|im)"
export const ive = "(?:i'?ve(?: got)?|i have(?: got)?|we'?ve(?: got)?|we have(?: got)?|i got)"
export const my = '(?:my|our)'

/** Words that shade a statement and do not change it. */
export const shade = '(?:(?:also|actually|really|just|currently|still|now|basically|mostly|usually|generally|normally|always|strictly|personally|definitely|honestly|kinda|kind of|quite|pretty|very|rather|a bit|strongly|much|so|more|totally|absolutely|both|only|especially|particularly|recently|officially|finally) )*'

/** A day job by its ending, or one of those that have none. */
export const job = oneOf(String.raw`
  (?!(?:beginner|customer|believer|lover|fighter|member|owner|user|stranger|newcomer|outsider|gamer|hunter|loner|reader|player|drinker|smoker|sleeper|eater|learner|person|monster|other|number|never|over|under|sucker|visitor|doer|supporter|morning|mother|father|brother|sister|daughter|grandmother|grandfather|parent|patient|client|adolescent|twin|native speaker|speaker|non-native)\b)\p{L}{2,}(?:er|or|ist|ian|eer|smith|wright)|
  nurse|doctor|gp|vet|chef|cook|pilot|attorney|accountant|consultant|assistant|scientist|surgeon|barista|clerk|judge|mechanic|
  paramedic|midwife|postdoc|intern|freelance|electrician|secretary|student|undergrad|undergraduate|apprentice|trainee|dev|sysadmin|
  devops|sre|ceo|cto|cfo|pm|rn|phd|priest|pastor|monk|tutor|tradesman|fireman|policeman|cop|diplomat|civil servant|agent|analyst|
  architect|data engineer|coach|guide|host|model|potter|carpenter|plumber|poet|novelist|artist|academic|prof|veteran|sailor|soldier|
  actress|waitress|seamstress|stay-at-home
`)

export const relative = oneOf(String.raw`
  wife|husband|spouse|partner|fiancée?|boyfriend|girlfriend|ex|son|daughter|kid|kids|child|children|baby|boys|girls|twins|mother|
  mum|mom|mama|father|dad|papa|parents|brother|sister|siblings?|grandmother|grandma|gran|nan|grandfather|grandpa|grandson|
  granddaughter|aunt|uncle|cousin|niece|nephew|stepson|stepdaughter|stepmother|stepfather|mother-in-law|father-in-law|roommate|
  flatmate
`)
export const pet = oneOf(String.raw`
  dogs?|cats?|pupp(?:y|ies)|kittens?|horses?|pony|rabbits?|parrots?|budgies?|hamsters?|guinea pigs?|tortoise|chickens|hens|goldfish|
  snakes?|geckos?|ferrets?|collie|terrier|labrador|lab|poodle|retriever|shepherd|spaniel|beagle|bulldog|husky|dachshund|corgi|pug|
  greyhound|whippet
`)
export const number = oneOf(String.raw`
  \d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|
  (?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?
`)

export const language = oneOf(String.raw`
  english|german|french|spanish|italian|portuguese|dutch|polish|czech|slovak|hungarian|romanian|bulgarian|greek|turkish|arabic|
  hebrew|persian|farsi|urdu|hindi|bengali|tamil|telugu|punjabi|marathi|gujarati|malayalam|kannada|thai|vietnamese|indonesian|malay|
  tagalog|chinese|mandarin|cantonese|japanese|korean|russian|ukrainian|serbian|croatian|slovenian|finnish|swedish|norwegian|danish|
  icelandic|irish|welsh|catalan|basque|galician|latin|swahili|amharic|yoruba|igbo|zulu|afrikaans|esperanto|sign language|asl
`)
export const origin = oneOf(String.raw`
  british|english|scottish|welsh|irish|american|canadian|mexican|brazilian|argentin(?:e|ian)|chilean|colombian|peruvian|german|
  austrian|swiss|french|belgian|dutch|spanish|portuguese|italian|greek|turkish|polish|czech|slovak|hungarian|romanian|bulgarian|
  ukrainian|russian|serbian|croatian|danish|swedish|norwegian|finnish|icelandic|indian|pakistani|bangladeshi|sri lankan|nepali|
  chinese|japanese|korean|thai|vietnamese|filipin[oa]|indonesian|malaysian|australian|kiwi|nigerian|kenyan|ghanaian|ethiopian|
  egyptian|moroccan|south african|israeli|iranian|iraqi|lebanese|syrian
`)

export const diet = '(?:vegetarian|vegan|veggie|pescatarian|pescetarian|flexitarian|keto|paleo|halal|kosher|lactose[- ]intolerant|gluten[- ](?:free|intolerant)|dairy[- ]free|coeliac|celiac|plant[- ]based)'
export const food = oneOf(String.raw`
  meat|pork|beef|fish|seafood|shellfish|gluten|wheat|bread|dairy|milk|cheese|eggs?|nuts?|peanuts?|soya?|sugar|sweets|carbs|spicy|
  onions?|garlic|mushrooms?|alcohol|wine|beer|coffee|caffeine|tea|lactose|animal products|anything (?:with|spicy)|red meat|raw
`)
/** Lasting conditions; a headache passes. */
export const condition = oneOf(String.raw`
  (?:type (?:1|2|one|two) )?diabetes|asthma|adhd|add|autism|ocd|ptsd|epilepsy|arthritis|dyslexia|dyscalculia|hypertension|
  high blood pressure|low blood pressure|migraines?|depression|anxiety|insomnia|eczema|psoriasis|endometriosis|pcos|ibs|crohn'?s?|
  colitis|(?:coeliac|celiac)(?: disease)?|alzheimer'?s?|parkinson'?s?|ms|multiple sclerosis|lupus|fibromyalgia|tinnitus|
  sleep apnoea|sleep apnea|heart (?:condition|disease|failure)|kidney disease|copd|gerd|acid reflux|gout|osteoporosis|scoliosis|
  glaucoma|haemophilia|hemophilia|hay fever|bad (?:knees?|back|hip)|a bad (?:knee|back|hip)|
  (?:an? |a severe )?(?:[\w-]+ ){0,2}(?:allergy|allergies|intolerance)|a pacemaker|a stoma|\p{L}{3,}(?:itis|osis|emia|aemia)
`)

/** What is done when answering: "always <one of these>" is a wish about answers, "always wear a tie" is not. */
export const output = oneOf(String.raw`
  use|using|include|including|add|adding|put|putting|give me|giving|giving me|format|formatting|answer|answering|reply|replying|
  respond|responding|write|writing|call me|calling|calling me|address(?:ing)? me|cite|citing|show|showing|explain|explaining|
  apologi[sz]e|apologi[sz]ing|ask me|ask before|ask for|ask about|asking|assume|assuming|suggest|suggesting|recommend|recommending|
  start (?:with|your|by|every|each|a)|starting|begin (?:with|your)|end (?:with|your)|tell me|telling me|refer to|translate|provide|
  list|listing|mention|mentioning|keep (?:it|your|answers|replies|things|the)|double[- ]check|check your|check the|convert|round|
  quote|repeat|repeating|summari[sz]e|summari[sz]ing|say|saying|speak|speaking|talk to|talking|lecture|lecturing|patroni[sz]e|
  patroni[sz]ing|sugarcoat|sugarcoating|thank me|thanking|hedge|hedging|remind me|reminding|send me|name the|label|number your|
  spell|comment (?:only|on|the)|make (?:it|things|lists|up|assumptions|your)|skip|omit|bold|highlight|be so|being so|praise|
  praising|flatter|generate|output|return your|prefix|sign off
`)
/** What answers are made of. */
export const makeup = oneOf(String.raw`
  emojis?|(?:rhetorical |follow-up |clarifying )?questions|puns|jokes|sarcasm|quotes|hashtags|buzzwords|compliments|flattery|praise|
  moralizing|hedging|repetition|greetings|sign-offs|capital letters|emoticons?|smileys|tables?|markdown|bullets?|bullet points?|
  headings?|headers|bold|italics|latex|jargon|acronyms?|abbreviations?|exclamation (?:marks|points)|slang|em[- ]dashes|
  passive voice|filler|fluff|small talk|pleasantries|disclaimers?|warnings|caveats|apologies|numbered lists?|lists?|lecturing|
  lectures|spoilers?|long (?:intros?|introductions?|answers?|replies|explanations?)|intros?|introductions?|preamble|summar(?:y|ies)|
  links|footnotes|clich[ée]s|metaphors|analogies|swear(?:ing| words)|code comments|comments|semicolons|plain text|plain english|
  simple (?:words|language|english)|short sentences|british (?:spelling|english)|american (?:spelling|english)|
  uk (?:spelling|english)|us (?:spelling|english)|metric|imperial|celsius|fahrenheit|kilomet(?:er|re)s|miles|kilograms|pounds|euros|
  dollars|24[- ]hour|iso dates|single quotes|double quotes|tabs|spaces|type hints|snake_case|camelcase|prose|paragraphs|
  step[- ]by[- ]step|headlines|gender-neutral|inclusive language
`)
/** Words that ask for an answer of some kind. */
export const ask = '(?:ask|say|send|write|paste|share|mention|check in|request|give you|post|type|tell you|want|need|upload|show you|talk|call|come back|start|greet|complain|am stuck|forget|make a (?:mistake|typo))'

/** What people take for long. */
export const medicine = oneOf(String.raw`
  insulin|statins?|warfarin|metformin|lithium|antidepressants?|ssris?|beta[- ]blockers?|blood thinners|chemo(?:therapy)?|
  birth control|the pill|hrt|testosterone|dialysis|medication|meds|oxygen|steroids|methadone|
  blood pressure (?:pills|meds|medication)|(?:a |an )?(?:[\p{L}-]+ ){0,2}diet|keto|a (?:tight |fixed |student )?budget
`)
