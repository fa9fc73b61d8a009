import type { Rule } from './rule.ts'

const at = (pattern: string): RegExp => new RegExp(`^(?:${pattern})`, 'iu')

/** The commonest statements in German, French and Spanish; English has the full set. */
export const others: readonly Rule[] = [
  { kind: 'instruction', slot: 'language', pattern: at('(?:bitte )?(?:antworte|schreib|sprich|rede)(?: mir| mit mir)?(?: bitte)?(?: ab jetzt| immer| nur| künftig)*(?: bitte)? auf \\p{L}+|réponds?(?:[- ]moi)?(?: toujours| désormais)* en \\p{L}+|(?:a partir de ahora |por favor |siempre )*(?:responde|contesta|háblame|respóndeme|contéstame)(?:me)?(?: siempre)? en \\p{L}+') },
  { kind: 'instruction', slot: 'tone', pattern: at('(?:bitte )?(?:duze|sieze) mich|(?:bitte )?sag(?: bitte)? du|tutoie[- ]moi|vouvoie[- ]moi|trátame de (?:tú|usted)|tutéame') },
  { kind: 'instruction', slot: 'length', pattern: at('(?:bitte )?(?:halte? dich|fass dich|antworte)(?: bitte| immer)* kurz|(?:sois|soyez) (?:bref|concis)|sé (?:breve|conciso)') },
  { kind: 'instruction', slot: null, pattern: at('(?:ab jetzt|von jetzt an|ab sofort|künftig) (?!ist)|(?:bitte )?(?:immer|nie(?:mals)?|keine) .*\\b(?:antworten|emojis|tabellen|listen)|(?:désormais|dorénavant|à partir de maintenant)\\b|(?:de ahora en adelante|a partir de ahora)\\b') },
  { kind: 'fact', slot: 'name', pattern: at('ich hei(?:ß|ss)e (?!nicht)|mein name ist|nenn mich|je m\'appelle|mon nom est|appelle[- ]moi|me llamo|mi nombre es|llámame') },
  { kind: 'fact', slot: 'home', pattern: at('(?:ich (?:wohne|lebe)|wir (?:wohnen|leben)) (?:jetzt |seit \\p{L}+ \\p{L}+ )?(?:in|bei|am|auf)|j\'habite|nous habitons|je vis (?:à|en|au|dans)|(?:vivo|vivimos) (?:ahora )?en') },
  { kind: 'fact', slot: 'home', correction: true, pattern: at('(?:ich bin|wir sind) .*umgezogen|j\'ai déménagé|me (?:he mudado|mudé) a') },
  { kind: 'fact', slot: 'work', pattern: at('ich arbeite (?:als|bei|für)|ich bin (?:von beruf )|je travaille (?:comme|chez|pour|dans)|trabajo (?:como|en|para|de)') },
  { kind: 'fact', slot: 'diet', pattern: at('(?:ich bin|wir sind) (?:vegetarier(?:in)?|veganer(?:in)?|vegan)|je suis (?:végétarien(?:ne)?|vegan|végane)|soy (?:vegetarian[oa]|vegan[oa])') },
  { kind: 'fact', slot: null, pattern: at('ich bin (?:\\p{L}+ )?allergisch|ich habe (?:eine )?\\p{L}*(?:allergie|intoleranz|diabetes|asthma|zöliakie|migräne)|je suis allergique|soy alérgic[oa]|tengo (?:alergia|diabetes|asma)|mein(?:e)? (?:frau|mann|tochter|sohn|hund|katze) hei(?:ß|ss)t|ma (?:femme|fille) s\'appelle|mon (?:mari|fils|chien) s\'appelle|mi (?:mujer|hija|hijo|marido|perro) se llama') },
  { kind: 'preference', slot: null, pattern: at('ich (?:mag|esse|trinke|nehme|hätte) (?:\\p{L}+ )?(?:lieber|keine?n?) |ich bevorzuge|je préfère|je n\'aime pas (?!ça|ce|cette)|prefiero (?!no)|no me gustan? (?!est[eao])') }
]
