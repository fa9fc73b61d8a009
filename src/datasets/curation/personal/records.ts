import type { Personal, PersonalKind } from './found.ts'

const month = String.raw`(?:jan(?:uary|uar|vier|eiro)?|enero|gennaio|feb(?:ruary|ruar|rero|braio)?|février|fevereiro|mar(?:ch|s|zo|ço)?|märz|apr(?:il|ile)?|avril|abril|may|mai|mayo|maggio|maio|june?|juni|juin|junio|giugno|junho|july?|juli|juillet|julio|luglio|julho|aug(?:ust)?|août|agosto|sep(?:t|tember|tembre|tiembre)?|settembre|setembro|oct(?:ober|obre|ubre)?|okt(?:ober)?|ottobre|outubro|nov(?:ember|embre|iembre|embro)?|dec(?:ember)?|dez(?:ember|embro)?|décembre|diciembre|dicembre)`
const date = String.raw`(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}(?<joint>[-/.])\d{1,2}\k<joint>(?:\d{4}|\d{2})|\d{1,2}(?:st|nd|rd|th|\.)?(?: of| de)? ${month}\.?(?:,?(?: de| of)? \d{4})?|${month}\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?)(?!\w)`
const bornWord = String.raw`(?<![\p{L}\p{N}])(?:born|d\.?o\.?b\.?|date[ _]of[ _]birth|birth ?date|date[ _]?naissance|birthday|geb(?:oren|\.|urtsdatum)?|née?|nacid[oa]|fecha de nacimiento|nat[oa]|data di nascita|nascid[oa]|född|født|urodzon[ya])`
/** A day of birth is known by its word; up to 24 characters may stand between. */
const birth = new RegExp(String.raw`(${bornWord}(?![\p{L}\p{N}])[^\n\d;]{0,24}?(?:'\d\d, )?)${date}`, 'giu')

/** Words for the numbers that authorities, employers and insurers give to one person; what follows is one where it has digits. */
const numbered = /(?<![\p{L}\p{N}])(?:passport|driver'?s?[’']?s? licen[cs]e|driving licen[cs]e|licen[cs]e plate|number plate|staff|employee|personnel|member(?:ship)?|insurance(?: member(?:ship)?)?|policy|medical record|mrn|patient|national id|national insurance|identity card|id card|social security|tax(?:payer)?|vat id|steuer(?:nummer|-?id)|student|matriculation|matrikel|nhs|curp|nif|pesel|personnummer|cpf|aadhaar|ssn|vin)((?: (?:no|nr|number|id|card|code|#)){0,2}(?:'s)?\.?(?: is| was|:|=|#)?[ :#]{0,3})((?=[\p{L}/. -]{0,8}\d)(?:MRN )?[A-Z\d](?:[A-Z\d]|[-/ .](?=[A-Z\d])){3,24})(?![\p{L}\p{N}])/giu

export function records (text: string): Personal[] {
  return [
    ...captured(text, birth, 'birth', match => [match[1]!.length, match[0].length]),
    ...captured(text, numbered, 'number', match => {
      // A few digits behind the bare word may be an amount or a year. Of the words that may follow only what has a digit belongs to the number.
      const value = /^(?:MRN )?(?:\S*\d\S*|[A-Z]{1,3}[- ][A-Z]{0,2} ?\d\S*)(?: \S*\d\S*)*/.exec(match[2]!)?.[0]
      if (value === undefined || value.replace(/\D/g, '').length < (/\p{L}/u.test(match[1]! + value) ? 3 : 6)) return null
      const from = match[0].length - match[2]!.length
      return [from, from + value.length]
    })
  ]
}

function captured (text: string, pattern: RegExp, kind: PersonalKind, within: (match: RegExpMatchArray) => readonly [number, number] | null): Personal[] {
  return [...text.matchAll(pattern)].flatMap(match => {
    const place = within(match)
    return place === null ? [] : [{ kind, from: match.index + place[0], to: match.index + place[1] }]
  })
}
