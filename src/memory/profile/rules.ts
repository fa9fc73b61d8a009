import { changes } from './changes.ts'
import { facts } from './facts.ts'
import { others } from './languages.ts'
import type { Rule } from './rule.ts'
import { tastes } from './tastes.ts'
import { wishes } from './wishes.ts'

/** Names are told from other words by their capital letter, so that these alone look at case. */
const named: readonly Rule[] = [
  { kind: 'fact', slot: 'name', pattern: /^(?:[Ii]'?m|[Ii] am|[Tt]his is) (?!(?:Ok|Okay|Sorry|Back|Fine|Good|Done|Not|Just|So|In|At|On|The|My|An?|Great|Very|Now|Here|Going|Having|Trying|Muslim|Christian|Catholic|Jewish|Hindu|Buddhist|Mac|Windows|Linux|Java|Python)\b)\p{Lu}\p{Ll}+(?:[ -]\p{Lu}\p{Ll}+){0,2}(?=[,.!]|$| and | from | here| by the way)/u },
  { kind: 'fact', slot: 'name', pattern: /^[Nn]ame'?s (?=\p{Lu})/u },
]

/** Of a clause the first rule that matches counts: wishes before what may sound like them, changes before what they change. */
export const rules: readonly Rule[] = [...wishes, ...changes, ...facts, ...tastes, ...named, ...others]
