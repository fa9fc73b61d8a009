/** What a person asks to be remembered or forgotten, as offsets in the sentence. */
export interface Command {
  readonly command: 'remember' | 'forget'
  readonly from: number
  readonly to: number
}

const lead = "^\\W*(?:(?:please|pls|plz|ok|okay|so|and|also|btw|hey|oh|actually|now|just|you can|you may|can you|could you|would you|will you|i want you to|i'd like you to|i need you to)[\\s,:]+)*"

/** "Remember that…", "for future reference, …"; "remember when…?" and "I can't remember that…" are none. */
const remember = new RegExp(`${lead}(?:(?:remember|memori[sz]e|bear in mind|keep in mind|don'?t forget|never forget|make a note|take note|write down|save|store)(?: this| the following)?(?:(?<!(?:mind|note|down)) that\\s+(?=[\\p{L}\\d])| that (?=(?:i|i'm|i've|im|my|we|we're|our)\\b)|\\s*:\\s*|,? (?=(?:i|i'm|i've|im|my|we|we're|our)\\b))|(?:note|notice) (?:down )?that (?=(?:i|i'm|im|my|we|our)\\b)|for (?:future |your )?(?:reference|the record|your information)[,:]? |merk dir,? (?:bitte )?(?:dass )?|recuerda que |n'oublie pas que |souviens-toi que )`, 'iu')
/** "Remember to…": a wish about answers. */
const rememberTo = new RegExp(`${lead}(?:always )?remember (?=to (?:use|write|answer|reply|add|include|give|keep|format|call|put|show|cite|list|ask|respond|be|always|never|start|end|say|avoid)\\b)`, 'iu')
/** "Forget my…", "delete what you have stored about…"; "forget it" and "forget that, let's…" are none. */
const forget = new RegExp(`${lead}(?:forget (?:about )?(?:the fact )?(?:that (?=(?:i|we|my|our)\\b)|what(?:ever)? (?:i|you|we) \\w+(?: you)?(?: \\w+)? (?:about )?|(?=everything|all (?:of|about|that|you)|(?:my|our) (?!last|previous|earlier|first|question|message|prompt|request|point))|(?<=about )(?=the |my ))|(?:delete|erase|remove|clear|wipe) (?:(?:everything|all|what(?:ever)?|anything|the things?) (?:that )?you (?:\\w+ ){1,2}?about |your (?:memory|memories) (?:of|about) |from (?:your )?memory (?:that )?|(?=my .*\\bfrom (?:your )?(?:memory|profile)))|vergiss,? (?:bitte )?(?:dass )?(?=(?:ich|mein))|olvida (?=mi |que )|oublie (?=mon |ma |mes |que ))`, 'iu')

/** The command that a sentence is; null where it is none. */
export function commandIn (sentence: string): Command | null {
  for (const [command, pattern] of [['remember', remember], ['remember', rememberTo], ['forget', forget]] as const) {
    const from = pattern.exec(sentence)?.[0].length
    if (from === undefined) continue
    // "Remember that time when…?" asks; "can you remember that…?" commands.
    if (command === 'remember' && /^(?:time|day|night|one|guy|song|movie|scene|feeling|moment)\b/i.test(sentence.slice(from))) continue
    return { command, from, to: sentence.length }
  }
  return null
}
